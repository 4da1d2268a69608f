using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;
using Xunit.Abstractions;

namespace Dotmesh.Specs.EndToEnd.History;

/// <summary>
/// Clients work while nodes are killed, frozen, stopped and (lane netns) cut off, and the database goes away; afterwards everything that was acknowledged
/// must be there. <c>DOTMESH_HISTORY_ROUNDS</c> faults (6), <c>DOTMESH_HISTORY_SEED</c> as printed by an earlier run,
/// <c>DOTMESH_HISTORY_STORAGE=zfs</c> on pools instead of directories.
/// </summary>
[Trait("Speed", "slow")]
public sealed class HistorySpec(ITestOutputHelper output)
{
    private const int Dots = 4;

    private readonly int _seed = SpecSettings.Number("DOTMESH_HISTORY_SEED", Environment.ProcessId * 7919);
    private readonly int _rounds = SpecSettings.Number("DOTMESH_HISTORY_ROUNDS", 6);
    private readonly bool _onPools = Environment.GetEnvironmentVariable("DOTMESH_HISTORY_STORAGE") == "zfs";
    private readonly long _began = Stopwatch.GetTimestamp();

    [SkippableFact]
    public async Task Nothing_acknowledged_is_lost_whatever_dies()
    {
        Lanes.Require(Lanes.Postgres);
        Say($"seed {_seed}, {_rounds} rounds");
        var deadline = ("DOTMESH__RPC__DEADLINESECONDS", $"{HistoryClient.DeadlineSeconds}");
        await using var cluster = await ((_onPools, Lanes.IsOn(Lanes.NetworkNamespaces)) switch
        {
            (true, true) => NodeCluster.StartApartOnPools(3, deadline),
            (true, false) => NodeCluster.StartOnPools(3, deadline),
            (false, true) => NodeCluster.StartApart(3, deadline),
            _ => NodeCluster.Start(3, deadline),
        });
        var clients = Enumerable.Range(0, Dots).Select(number => new HistoryClient(cluster, $"dot{number}", _seed + number)).ToList();
        foreach (var client in clients)
        {
            await client.Create();
        }

        await Faults(cluster, clients);
        clients.ForEach(client => Say($"{client.Name}: {client.Calls} calls, {client.Line.Count} commits acknowledged, errors: {client.Errors}"));
        Assert.All(clients, client => Assert.True(client.Line.Count > _rounds, $"{client.Name} hardly ever succeeded: {client.Errors}"));
        try
        {
            await Calm(cluster);
            foreach (var client in clients)
            {
                await new HistoryCheck(cluster, client).Run();
            }

            await JournalCheck.Run(cluster);
        }
        catch (Exception) when (Keep(cluster, clients))
        {
            throw;
        }
    }

    private async Task Faults(NodeCluster cluster, List<HistoryClient> clients)
    {
        using var stop = new CancellationTokenSource();
        var working = clients.Select(client => Task.Run(() => client.Run(stop.Token))).ToList();
        var nemesis = new Nemesis(cluster, _seed, Say);
        try
        {
            for (var round = 0; round < _rounds; round++)
            {
                await nemesis.Round();
            }
        }
        catch (TimeoutException) when (Keep(cluster, clients))
        {
            throw;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(working);
        }
    }

    /// <summary>
    /// All copies are alike everywhere, and no pool has anything that the directory does not know. May take long where much is to be copied, but
    /// never stands still.
    /// </summary>
    private async Task Calm(NodeCluster cluster)
    {
        await Task.WhenAll(Enumerable.Range(0, 3).Select(node => cluster.Sees(node, 3)));
        for (var seen = "nothing yet"; ;)
        {
            var before = seen;
            await Patience.Holds(
                async () => (seen = await Looked(cluster)) != before ? cluster : null,
                TimeSpan.FromSeconds(120),
                () => $"the cluster does not come to rest: {seen}");
            if (seen.Length == 0)
            {
                return;
            }

            Say(seen);
        }
    }

    private static async Task<string> Looked(NodeCluster cluster)
    {
        try
        {
            return await Disorder(cluster);
        }
        catch (Exception notYet) when (notYet is RpcErrorException or HttpRequestException)
        {
            // a node that was frozen long enough begins anew when it notices
            return notYet.Message;
        }
    }

    private static async Task<string> Disorder(NodeCluster cluster)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        var unlike = new List<string>();
        foreach (var (name, _) in (JsonObject)(await cluster.Nodes[0].Rpc.Call("List"))!["admin"]!)
        {
            var branches = (JsonArray)(await cluster.Nodes[0].Rpc.Call("Branches", new { Namespace = "admin", Name = name }))!;
            foreach (var branch in branches.Select(branch => (string)branch!).Prepend(""))
            {
                var id = await cluster.Nodes[0].Rpc.Text("Lookup", new { Namespace = "admin", Name = name, Branch = branch });
                known.Add(id);
                var statuses = (JsonObject)(await cluster.Nodes[0].Rpc.Call("Get", id))!["ServerStatuses"]!;
                if (statuses.Count != 3 || statuses.Select(status => (string)status.Value!).Distinct(StringComparer.Ordinal).Count() != 1)
                {
                    unlike.Add($"{name}@{branch}: {statuses.ToJsonString()}");
                }
            }
        }

        if (unlike.Count > 0)
        {
            return string.Join("; ", unlike);
        }

        for (var node = 0; node < cluster.Nodes.Count; node++)
        {
            var pool = await cluster.FilesystemsIn(node);
            if (!known.SetEquals(pool))
            {
                return $"the pool of node {node} has too much: {string.Join(", ", pool.Except(known))}; lacks {string.Join(", ", known.Except(pool))}";
            }
        }

        return "";
    }

    private bool Keep(NodeCluster cluster, List<HistoryClient> clients)
    {
        clients.ForEach(client => output.WriteLine($"===== {client.Name}\n{string.Join('\n', client.Trace)}"));
        for (var node = 0; node < cluster.Nodes.Count; node++)
        {
            output.WriteLine($"===== node {node}\n{cluster.LogOf(node)}");
        }

        return true;
    }

    private void Say(string text) => output.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_began).TotalSeconds,7:F1} s  {text}"));
}
