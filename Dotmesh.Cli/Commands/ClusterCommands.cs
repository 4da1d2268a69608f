using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Commands;

/// <summary>The cluster as a whole (contract 7.5).</summary>
internal static class ClusterCommands
{
    public static Verb Cluster() => new Verb("cluster", "", "Start a cluster on this machine, look after one, save its users and names.")
        .Example("dm cluster init")
        .Example("dm cluster status")
        .With(ClusterInit.Verb(), Status(), Backup(), Restore());

    private static Verb Status() => new Verb("status", "", "Show the health of the cluster: nodes, dots, copies that lack commits, transfers.")
        .Example("dm cluster status")
        .Answers(async run =>
        {
            run.AtMost(0, "Too many arguments specified.");
            var (nodes, dots, transfers) = (run.Client.Nodes(run.Stop), run.Client.AllDots(run.Stop), run.Client.Transfers(null, running: true, 1000, run.Stop));
            await Task.WhenAll(nodes, dots, transfers);
            var health = ClusterHealth.Of(await nodes, (await dots).Dots ?? [], (await transfers).Length);
            run.Terminal.Out.Write(run.Format == OutputFormat.Table
                ? health.Text(run)
                : (run.Format == OutputFormat.Json ? JsonText.Indented(health.Json()) : JsonText.OneLine(health.Json())) + "\n");
            return health.IsWell ? ExitCodes.Done : ExitCodes.Error;
        });

    private static Verb Backup() => new Verb("backup-etcd", "", "Print the users and names of the cluster; no data of dots.")
    {
        Remarks = "It holds hashes of passwords, and API keys: keep it where nobody reads it. "
            + "A cluster that has the dots, by push or by pull, gets their names and users by restore-etcd.",
    }
        .Example("(umask 077; dm cluster backup-etcd > names.json)")
        .Does(async run =>
        {
            run.AtMost(0, "Too many arguments specified.");
            run.Print((await run.Client.Backup(run.Stop)).GetRawText());
        });

    private static Verb Restore() => new Verb("restore-etcd", "", "Take users and names from stdin, as backup-etcd printed them.")
        .Example("dm cluster restore-etcd < names.json")
        .Does(async run =>
        {
            run.AtMost(0, "Too many arguments specified.");
            await run.Client.Restore(await run.Terminal.In.ReadToEndAsync(run.Stop), run.Stop);
        });
}
