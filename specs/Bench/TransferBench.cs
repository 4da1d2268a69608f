using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Specs.EndToEnd.Transfers;
using Dotmesh.Specs.Support;

namespace Dotmesh.Bench;

/// <summary>Two clusters of one node each: what a push costs beside a raw send into a raw receive, and what many at once do to others.</summary>
internal static class TransferBench
{
    private const int Gibibyte = 1 << 30;
    private const int WarmUp = 256;
    private const int Small = 1000;
    private const int AtOnce = 50;
    private const int Rounds = 5;

    public static async Task<IReadOnlyList<Figure>> Zfs()
    {
        await using var nodes = new TwoNodes(onPools: true);
        var (here, there) = await nodes.Start();
        var (push, raw) = await LargeInTurns(nodes, here, there);
        var peak = Peak(here.Nodes[0]) + Peak(there.Nodes[0]);
        var small = await Commits(here, there, Small);
        var rawSmall = await RawPackage(nodes, small.Id, "rawsmall");
        return
        [
            Figure.AtLeast("transfers, zfs: MB/s of a push of 1 GiB, raw zfs send into zfs receive", (Gibibyte / 1e3 / push, Gibibyte / 1e3 / raw), 0.8),
            Figure.Below("transfers, zfs: memory of both nodes at most, after it", peak, 1000, "MB"),
            Figure.AtMost($"transfers, zfs: push of {Small} commits, raw zfs send -I", (small.Ms, rawSmall), 3),
            .. await Common(here, there, "zfs"),
        ];
    }

    public static async Task<IReadOnlyList<Figure>> Folders()
    {
        await using var nodes = new TwoNodes(onPools: false);
        var (here, there) = await nodes.Start();
        var large = await Large(here, there);
        return
        [
            Figure.AtLeast("transfers, directory: MB/s of a push of 1 GiB, cp of the file", (large.Rate, Gibibyte / 1e3 / large.CopyMs), 0.1),
            Figure.Below("transfers, directory: memory of both nodes at most, after it", Peak(here.Nodes[0]) + Peak(there.Nodes[0]), 1000, "MB"),
            Figure.Below($"transfers, directory: push of {Small} commits", (await Commits(here, there, Small)).Ms / 1000, 60, "s"),
            .. await Common(here, there, "directory"),
        ];
    }

    private static async Task<IReadOnlyList<Figure>> Common(Side here, Side there, string storage)
    {
        var delta = await Delta(here, there);
        var (all, ping) = await Many(here, there);
        return
        [
            Figure.Below($"transfers, {storage}: push of 25 KiB onto a known dot, as GetTransfer sees it", delta, 1000, "ms"),
            Figure.Below($"transfers, {storage}: {AtOnce} pushes at once, all finished", all / 1000, 120, "s"),
            Figure.Below($"transfers, {storage}: p99 of Ping meanwhile", ping, 50, "ms"),
        ];
    }

    /// <summary>Middles of some rounds: what was written a moment ago is still on its way to the disk, which slows whoever comes first.</summary>
    private static async Task<(double Push, double Raw)> LargeInTurns(TwoNodes nodes, Side here, Side there)
    {
        await WarmedUp(here, there);
        var (_, commit) = await Written(here, "large", Gibibyte >> 20);
        var id = await here.IdOf("large");
        var (pushes, raws) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            raws.Add(await Raw(nodes, id, commit, "raw"));
            await ChildProcess.Shell($"zfs destroy -r {nodes.PoolOf(1)}/raw");
            pushes.Add(await Measure.Time(async () => Side.Finished(await Over(here, await here.Begin("push", there, "large", "large")))));
            await there.Rpc().Call("Delete", new { Namespace = "admin", Name = "large" });
        }

        return (Measure.Middle(pushes), Measure.Middle(raws));
    }

    /// <summary>A node that has just started compiles what it runs: that is no matter of transfers.</summary>
    private static async Task WarmedUp(Side here, Side there)
    {
        await Written(here, "warm", WarmUp);
        Side.Finished(await Over(here, await here.Begin("push", there, "warm", "warm")));
    }

    private static async Task<(double Rate, double CopyMs)> Large(Side here, Side there)
    {
        await WarmedUp(here, there);
        var (folder, _) = await Written(here, "large", Gibibyte >> 20);
        var ms = await Measure.Time(async () => Side.Finished(await Over(here, await here.Begin("push", there, "large", "large"))));
        var copy = Path.Combine(Path.GetTempPath(), $"dotmesh-bench-{Environment.ProcessId}");
        var copied = await Measure.Time(() => ChildProcess.Succeed("bash", "-c", $"cp --reflink=never {folder}/large {copy} && sync {copy}; rm -f {copy}"));
        return (Gibibyte / 1e3 / ms, copied);
    }

    private static async Task<(string Folder, string Commit)> Written(Side side, string name, int mebibytes)
    {
        await side.Create(name);
        var folder = await side.Procure(name);
        await Measure.WriteNoise(Path.Combine(folder, "large"), mebibytes);
        return (folder, await side.Commit(name, "large"));
    }

    private static async Task<(double Ms, string Id)> Commits(Side here, Side there, int count)
    {
        await here.Create("many");
        var folder = await here.Procure("many");
        Side.Finished(await Over(here, await here.Begin("push", there, "many", "many")));
        for (var n = 0; n < count; n++)
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, $"f{n % 100}"), Measure.Noise(n, 4096));
            await here.Commit("many", $"{n}");
        }

        var ms = await Measure.Time(async () => Side.Finished(await Over(here, await here.Begin("push", there, "many", "many"))));
        return (ms, await here.IdOf("many"));
    }

    private static async Task<double> Delta(Side here, Side there)
    {
        await here.Create("delta");
        var folder = await here.Procure("delta");
        Side.Finished(await Over(here, await here.Begin("push", there, "delta", "delta")));
        var times = new List<double>();
        for (var round = 0; round < 9; round++)
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, "change"), Measure.Noise(round, 25 << 10));
            await here.Commit("delta", $"{round}");
            times.Add(await Measure.Time(async () => Side.Finished(await Over(here, await here.Begin("push", there, "delta", "delta")))));
        }

        return Measure.Middle(times);
    }

    private static async Task<(double AllMs, double PingP99)> Many(Side here, Side there)
    {
        for (var n = 0; n < AtOnce; n++)
        {
            await here.Create($"at-once{n}");
            await File.WriteAllBytesAsync(Path.Combine(await here.Procure($"at-once{n}"), "file"), Measure.Noise(n, 1 << 20));
            await here.Commit($"at-once{n}", "one");
        }

        using var done = new CancellationTokenSource();
        var pinging = Pings(here, done.Token);
        var all = await Measure.Time(() => Task.WhenAll(Enumerable.Range(0, AtOnce).Select(
            async n => Side.Finished(await Over(here, await here.Begin("push", there, $"at-once{n}", $"at-once{n}"))))));
        await done.CancelAsync();
        var pings = await pinging;
        pings.Sort();
        return (all, pings[(int)(pings.Count * 0.99)]);
    }

    private static async Task<List<double>> Pings(Side side, CancellationToken done)
    {
        var times = new List<double>();
        while (!done.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            await side.Rpc().Call("Ping");
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return times;
    }

    private static Task<JsonNode> Over(Side side, string id) => side.Over(id, limit: TimeSpan.FromMinutes(5));

    private static async Task<double> Raw(TwoNodes nodes, string id, string commit, string target) => await Measure.Time(() => ChildProcess.Shell(
        $"zfs send {nodes.PoolOf(0)}/dmfs/{id}@{commit} | zfs receive {nodes.PoolOf(1)}/{target}"));

    /// <summary>All commits but the first, as one incremental stream.</summary>
    private static async Task<double> RawPackage(TwoNodes nodes, string id, string target)
    {
        var dataset = $"{nodes.PoolOf(0)}/dmfs/{id}";
        var first = $"$(zfs list -H -o name -t snapshot -s creation -r {dataset} | head -1)";
        var last = $"$(zfs list -H -o name -t snapshot -s creation -r {dataset} | tail -1)";
        await ChildProcess.Shell($"zfs send {first} | zfs receive {nodes.PoolOf(1)}/{target}");
        return await Measure.Time(() => ChildProcess.Shell($"zfs send -I {first} {last} | zfs receive -F {nodes.PoolOf(1)}/{target}"));
    }

    /// <summary>Megabytes that the process had at most.</summary>
    private static double Peak(NodeProcess node) => double.Parse(
        File.ReadLines($"/proc/{node.Id}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;
}
