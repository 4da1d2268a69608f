using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Commands;

/// <summary>The cluster as a whole (contract 7.5).</summary>
internal static class ClusterCommands
{
    public static Verb Cluster() => new Verb("cluster", "", "Start a cluster on this machine, look after one, save its users and names.")
        .Example("dm cluster init")
        .Example("dm cluster status")
        .With(ClusterInit.Verb(), ClusterStop.Verb(), Status(), HistoryCommands.OfCluster(), Backup(), Restore())
        .With(
            Gone("join", "A node joins by its options: all nodes that are given one database and one secret are a cluster (README, A cluster)."),
            Gone("upgrade", "Stop a node, install the newer program, start it again, one node after the other."),
            Gone("reset", "'dm cluster stop' stops the node; its data folder, which its log names at the start, is what there is to delete."));

    private static Verb Status() => new Verb("status", "", "Show the health of the cluster: nodes and their pools, dots, transfers; ends with 1 when it is not well.")
        .Example("dm cluster status")
        .Example("dm cluster status --watch")
        .With(Watch.Option)
        .Ends(async run =>
        {
            run.NoWords();
            var well = true;
            await Watch.Shown(run, async () =>
            {
                var (nodes, dots, transfers) = (run.Client.Nodes(run.Stop), run.Client.AllDots(run.Stop), run.Client.Transfers(null, running: true, 1000, run.Stop));
                await Task.WhenAll(nodes, dots, transfers);
                var health = ClusterHealth.Of(await nodes, (await dots).Dots ?? [], (await transfers).Length);
                well = health.IsWell;
                return run.Shown(health.Text(run), health.Json(), well ? "healthy" : "unhealthy");
            });
            return well ? ExitCodes.Done : ExitCodes.Error;
        });

    private static Verb Backup() => new Verb("backup-etcd", "", "Print the users and names of the cluster; no data of dots.")
    {
        Remarks = "It holds hashes of passwords, and API keys: keep it where nobody reads it. "
            + "A cluster that has the dots, by push or by pull, gets their names and users by restore-etcd.",
    }
        .Example("(umask 077; dm cluster backup-etcd > names.json)")
        .Does(async run =>
        {
            run.NoWords();
            run.Print((await run.Client.Backup(run.Stop)).GetRawText());
        });

    /// <summary>A command of the original that is not needed, or not there, any more.</summary>
    internal static Verb Gone(string name, string instead) =>
        new Verb(name, "", instead) { Hidden = true }.Does(_ => throw CommandFailure.Usage($"'{name}' is not there any more. {instead}"));

    private static Verb Restore() => new Verb("restore-etcd", "", "Take users and names from stdin, as backup-etcd printed them.") { Changes = true }
        .Example("dm cluster restore-etcd < names.json")
        .Does(async run =>
        {
            run.NoWords();
            await run.Client.Restore(await run.Terminal.In.ReadToEndAsync(run.Stop), run.Stop);
        });
}
