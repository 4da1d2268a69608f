using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;

namespace Dotmesh.Bench;

/// <summary>Three nodes on zfs pools and one PostgreSQL: what it costs to ask another node, to move, to copy and to lose one.</summary>
internal static class ClusterBench
{
    private const int Kills = 10;
    private const int Gibibyte = 1 << 30;

    public static async Task<IReadOnlyList<Figure>> Run()
    {
        // two copies: the one that is measured is the only transfer at that time
        await using var cluster = await NodeCluster.StartOnPools(3, ("DOTMESH__REPLICATION__COPIES", "2"));
        var routed = await Routed(cluster);
        var move = await Move(cluster);
        var (copied, raw) = await Copy(cluster);
        var failovers = await Failovers();
        failovers.Sort();
        return
        [
            Figure.NoMoreThan("cluster: Commits p50 through another node, through its own", routed, 1),
            Figure.Below("cluster: move of a dot with a change of 1 MiB", move, 1000, "ms"),
            Figure.AtLeast("cluster: MB of a commit of 1 GiB copied, raw zfs send into zfs receive", (copied, raw), 0.8),
            Figure.Below($"cluster: kill -9 to the next commit, middle of {Kills}", Measure.Middle(failovers), 10, "s"),
            Figure.Below($"cluster: kill -9 to the next commit, worst of {Kills}", failovers[^1], 10, "s"),
        ];
    }

    private static async Task<(double Ms, double RawMs)> Routed(NodeCluster cluster)
    {
        await cluster.Nodes[0].Rpc.Call("Create", new { Namespace = "admin", Name = "asked" });
        var dot = new { Namespace = "admin", Name = "asked", Branch = "" };
        // as many to warm up as are measured
        await Measure.Pair(500, _ => cluster.Nodes[0].Rpc.Call("Commits", dot), _ => cluster.Nodes[1].Rpc.Call("Commits", dot));
        return await Measure.Pair(500, _ => cluster.Nodes[0].Rpc.Call("Commits", dot), _ => cluster.Nodes[1].Rpc.Call("Commits", dot));
    }

    private static async Task<double> Move(NodeCluster cluster)
    {
        var name = new { Namespace = "admin", Name = "moved" };
        await cluster.Nodes[0].Rpc.Call("Create", name);
        await cluster.Nodes[0].Rpc.Call("SetReplication", new { Namespace = "admin", Name = "moved", Copies = 3 });
        await cluster.Holds("moved", "", 1);
        var folder = (string)(await cluster.Nodes[0].Rpc.Call("Procure", name))!;
        var times = new List<double>();
        for (var round = 1; round <= 12; round++)
        {
            // the copies of the move before are made while the next one is timed, otherwise
            await cluster.Holds("moved", "", round);
            await File.WriteAllBytesAsync(Path.Combine(folder, "change"), Measure.Noise(round, 1 << 20));
            times.Add(await Measure.Time(async () => folder = (string)(await cluster.Nodes[round % 3].Rpc.Call("Procure", name))!));
        }

        // the first ones compile
        return Measure.Middle(times[2..]);
    }

    /// <summary>Megabytes a second from the commit's answer until the other node holds it, and by command between the same pools.</summary>
    private static async Task<(double Rate, double RawRate)> Copy(NodeCluster cluster)
    {
        var folder = (string)(await cluster.Nodes[0].Rpc.Call("Procure", new { Namespace = "admin", Name = "large" }))!;
        var id = await cluster.Nodes[0].Rpc.Text("Lookup", new { Namespace = "admin", Name = "large", Branch = "" });
        await Holds(cluster, id, 1);
        await Measure.WriteNoise(Path.Combine(folder, "large"), Gibibyte >> 20);
        var commit = await cluster.Nodes[0].Rpc.Text("Commit", new { Namespace = "admin", Name = "large", Branch = "", Message = "bench" });
        var copied = await Measure.Time(() => Holds(cluster, id, 2));
        var first = (string)((JsonArray)(await cluster.Nodes[0].Rpc.Call("Commits", new { Namespace = "admin", Name = "large", Branch = "" }))!)[0]!["Id"]!;
        var (source, other) = (cluster.PoolOf(0), cluster.PoolOf(1));
        await ChildProcess.Shell($"zfs send {source}/dmfs/{id}@{first} | zfs receive {other}/raw");
        var raw = await Measure.Time(() => ChildProcess.Shell($"zfs send -i @{first} {source}/dmfs/{id}@{commit} | zfs receive {other}/raw"));
        return (Gibibyte / 1e3 / copied, Gibibyte / 1e3 / raw);
    }

    /// <summary>Until two nodes hold so many commits: the one that controls it and its copy.</summary>
    private static Task Holds(NodeCluster cluster, string id, int commits) => Patience.Holds(
        async () =>
        {
            var statuses = (JsonObject)(await cluster.Nodes[0].Rpc.Call("Get", id))!["ServerStatuses"]!;
            var whole = statuses.Count(status => (string)status.Value! == string.Create(CultureInfo.InvariantCulture, $"waiting, {commits} commits"));
            return whole >= 2 ? cluster : null;
        },
        TimeSpan.FromMinutes(5),
        () => $"{id} has no copy");

    private static async Task<List<double>> Failovers()
    {
        await using var cluster = await NodeCluster.StartOnPools(3);
        await cluster.Nodes[0].Rpc.Call("Create", new { Namespace = "admin", Name = "data" });
        var times = new List<double>();
        for (var (kill, commits) = (0, 1); kill < Kills; kill++, commits++)
        {
            await cluster.Holds("data", "", commits);
            var master = (string?)(await cluster.Nodes[kill % 3].Rpc.Call("List"))!["admin"]!["data"]!["Master"];
            var victim = 0;
            while (await cluster.IdOf(victim) != master)
            {
                victim++;
            }

            var began = Stopwatch.GetTimestamp();
            await cluster.Nodes[victim].Kill9();
            await Patience.Holds(() => Committed(cluster.Nodes[(victim + 1) % 3]), TimeSpan.FromSeconds(60), () => "no commit was taken");
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            await cluster.Restart(victim);
            await cluster.Sees((victim + 1) % 3, 3);
        }

        return times;
    }

    private static async Task<string?> Committed(NodeProcess node)
    {
        try
        {
            return await node.Rpc.Text("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "goes on" });
        }
        catch (RpcErrorException)
        {
            return null;
        }
    }
}
