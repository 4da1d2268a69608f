using System.Globalization;
using Dotmesh.Specs.Support;

namespace Dotmesh.Bench;

/// <summary>Commit, create and branch of a node on a zfs pool against the same by command, measured in the same run.</summary>
internal static class StorageBench
{
    private const int Rounds = 40;
    private const int Clients = 64;
    private const int CommitsEach = 8;

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
        var create = await Measure.Pair(
            Rounds,
            i => Tool("zfs", "create", "-o", $"mountpoint={mounts}/{Number(i)}", $"{pool}/raw/{Number(i)}"),
            i => node.Rpc.Call("Create", Name($"c{Number(i)}")));
        // a commit comes after a write, and so does the snapshot that it is held against
        var written = await node.Rpc.Text("Procure", new { Namespace = "admin", Name = "c0", Subdot = "__default__" });
        var commit = await Measure.Pair(
            Rounds,
            async i =>
            {
                await Write(Path.Combine(mounts, "0"));
                await Tool("zfs", "snapshot", $"{pool}/raw/0@{Number(i)}");
            },
            async _ =>
            {
                await Write(written);
                await Commit(node, "c0");
            });
        var at = await Commit(node, "c0");
        var branch = await Measure.Pair(
            Rounds,
            i => Tool("zfs", "clone", "-o", $"mountpoint={mounts}/b{Number(i)}", $"{pool}/raw/0@0", $"{pool}/raw/b{Number(i)}"),
            i => node.Rpc.Call("Branch", new
            {
                Namespace = "admin",
                Name = "c0",
                SourceBranch = "master",
                NewBranchName = $"b{Number(i)}",
                SourceCommitId = at,
            }));
        var whole = await Measure.Pair(
            Rounds,
            async i =>
            {
                await Tool("zfs", "create", "-o", $"mountpoint={mounts}/w{Number(i)}", $"{pool}/raw/w{Number(i)}");
                Directory.CreateDirectory(Path.Combine(mounts, $"w{Number(i)}", "__default__"));
                await Tool("zfs", "snapshot", $"{pool}/raw/w{Number(i)}@0");
            },
            i => node.Rpc.Call("Create", Name($"w{Number(i)}")));
        var rate = await Parallel(node, pool, mounts);
        return
        [
            Figure.AtMost("zfs: Commit p50, raw zfs snapshot", commit, 2),
            Figure.AtMost("zfs: Create p50, raw create and mount", create, 2),
            Figure.AtMost("zfs: Create p50, raw create, mount and snapshot: it makes the first commit", whole, 2),
            Figure.AtMost("zfs: Branch p50, raw clone and mount", branch, 2),
            Figure.AtLeast("zfs: commits by 64 clients to 64 dots, raw snapshots", rate, 0.9),
        ];
    }

    private static async Task<(double Rate, double RawRate)> Parallel(NodeProcess node, string pool, string mounts)
    {
        var parallel = new List<string>();
        for (var i = 0; i < Clients; i++)
        {
            await node.Rpc.Call("Create", Name($"p{Number(i)}"));
            await Tool("zfs", "create", "-o", $"mountpoint={mounts}/p{Number(i)}", $"{pool}/raw/p{Number(i)}");
            parallel.Add(await node.Rpc.Text("Procure", new { Namespace = "admin", Name = $"p{Number(i)}", Subdot = "__default__" }));
        }

        return await Measure.RatePair(
            Clients,
            CommitsEach,
            async (worker, round) =>
            {
                await Write(Path.Combine(mounts, $"p{Number(worker)}"));
                await Tool("zfs", "snapshot", $"{pool}/raw/p{Number(worker)}@{round}");
            },
            async worker =>
            {
                await Write(parallel[worker]);
                await Commit(node, $"p{Number(worker)}");
            });
    }

    private static Task Write(string folder) => File.WriteAllTextAsync(Path.Combine(folder, "file"), $"{System.Diagnostics.Stopwatch.GetTimestamp()}");

    private static object Name(string name) => new { Namespace = "admin", Name = name };

    private static Task<string> Commit(NodeProcess node, string name) =>
        node.Rpc.Text("Commit", new { Namespace = "admin", Name = name, Branch = "", Message = "bench" });

    private static Task Tool(string program, params string[] arguments) => ChildProcess.Succeed($"/usr/sbin/{program}", arguments);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
