using System.Globalization;
using Dotmesh.Specs.Support;

namespace Dotmesh.Bench;

/// <summary>Commit, create and branch of a node on a zfs pool against the same by command, measured in the same run.</summary>
internal static class StorageBench
{
    private const int Rounds = 40;
    private const int Clients = 64;
    private const int CommitsEach = 5;

    public static async Task<IReadOnlyList<Figure>> Zfs(string nodeDll, string folder)
    {
        var pool = $"dmbench{Environment.ProcessId}";
        var disk = Path.Combine(folder, "disk");
        await using (var file = File.Create(disk))
        {
            file.SetLength(4L << 30);
        }

        await Tool("zpool", "create", "-m", "none", pool, disk);
        try
        {
            await using var node = await NodeProcess.Start(new NodeSetup(Path.Combine(folder, "zfs"), pool) { NodeDll = nodeDll });
            var figures = await Figures(node, pool, Path.Combine(folder, "raw"));
            await node.Stop();
            return figures;
        }
        finally
        {
            // zfs-fuse lets go of a mount a moment after the unmount
            using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
            for (var tries = 0; tries < 50 && !await Destroyed(pool); tries++)
            {
                await pause.WaitForNextTickAsync();
            }
        }
    }

    private static async Task<bool> Destroyed(string pool) =>
        (await ChildProcess.Run("/usr/sbin/zpool", ["destroy", "-f", pool])).ExitCode == 0;

    private static async Task<IReadOnlyList<Figure>> Figures(NodeProcess node, string pool, string mounts)
    {
        Directory.CreateDirectory(mounts);
        await Tool("zfs", "create", "-o", "mountpoint=legacy", $"{pool}/raw");
        var rawCreate = await Measure.Median(
            Rounds, i => Tool("zfs", "create", "-o", $"mountpoint={mounts}/{Number(i)}", $"{pool}/raw/{Number(i)}"));
        var create = await Measure.Median(Rounds, i => node.Rpc.Call("Create", Name($"c{Number(i)}")));

        var rawCommit = await Measure.Median(Rounds, i => Tool("zfs", "snapshot", $"{pool}/raw/0@{Number(i)}"));
        var commit = await Measure.Median(Rounds, _ => Commit(node, "c0"));

        var rawBranch = await Measure.Median(Rounds, i => Tool(
            "zfs", "clone", "-o", $"mountpoint={mounts}/b{Number(i)}", $"{pool}/raw/0@0", $"{pool}/raw/b{Number(i)}"));
        var at = await Commit(node, "c0");
        var branch = await Measure.Median(Rounds, i => node.Rpc.Call("Branch", new
        {
            Namespace = "admin",
            Name = "c0",
            SourceBranch = "master",
            NewBranchName = $"b{Number(i)}",
            SourceCommitId = at,
        }));

        for (var i = 0; i < Clients; i++)
        {
            await node.Rpc.Call("Create", Name($"p{Number(i)}"));
            await Tool("zfs", "create", "-o", "mountpoint=none", $"{pool}/raw/p{Number(i)}");
        }

        var rawRate = await Measure.Rate(
            Clients, CommitsEach, (worker, round) => Tool("zfs", "snapshot", $"{pool}/raw/p{Number(worker)}@{Number(round)}"));
        var rate = await Measure.Rate(Clients, CommitsEach, (worker, _) => Commit(node, $"p{Number(worker)}"));
        return
        [
            Figure.AtMost("zfs: Commit p50, raw zfs snapshot", commit, rawCommit, 2),
            Figure.AtMost("zfs: Create p50, raw create and mount", create, rawCreate, 2),
            Figure.AtMost("zfs: Branch p50, raw clone and mount", branch, rawBranch, 2),
            Figure.AtLeast("zfs: commits by 64 clients to 64 dots, raw snapshots", rate, rawRate, 0.9),
        ];
    }

    private static object Name(string name) => new { Namespace = "admin", Name = name };

    private static Task<string> Commit(NodeProcess node, string name) =>
        node.Rpc.Text("Commit", new { Namespace = "admin", Name = name, Branch = "", Message = "bench" });

    private static async Task Tool(string program, params string[] arguments)
    {
        var result = await ChildProcess.Run($"/usr/sbin/{program}", arguments);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {result}");
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
