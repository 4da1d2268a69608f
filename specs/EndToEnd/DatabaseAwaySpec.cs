using System.Diagnostics;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>PostgreSQL is away for many leases (design D9).</summary>
[Trait("Speed", "slow")]
public sealed class DatabaseAwaySpec : ThreeNodes
{
    /// <summary>Seven leases of these nodes.</summary>
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(21);

    private static readonly string[] Names = ["dot0", "dot1", "dot2"];

    [SkippableFact]
    public async Task While_the_database_is_away_mounts_and_reads_go_on_and_afterwards_everything_does_without_a_takeover()
    {
        var (paths, acknowledged) = (new List<string>(), new List<string>());
        for (var node = 0; node < 3; node++)
        {
            paths.Add((string)(await Rpc(node).Call("Procure", new { Namespace = "admin", Name = Names[node] }))!);
            await Cluster.Holds(Names[node], "", 1);
            acknowledged.Add((await Line(node)).Single());
        }

        var masters = await Masters();
        var processes = Cluster.Nodes.Select(node => node.Id).ToList();

        await Cluster.Server.Kill();
        var began = Stopwatch.GetTimestamp();
        // the first refusal of each dot ends it in memory: the others are of dots that would have to read their journal
        for (var turn = 0; Stopwatch.GetElapsedTime(began) < Away; turn++)
        {
            var node = turn % 3;
            await File.WriteAllTextAsync(Path.Combine(paths[node], $"file{turn}"), "written while it was away");
            // a refused commit may be in the pool, and is kept; an acknowledged one is there in any case
            Assert.Equal(acknowledged[node], (await Line(node))[0]);
            Assert.Equal(3, ((JsonObject)(await Rpc(node).Call("List"))!["admin"]!).Count);
            var refused = await Assert.ThrowsAsync<RpcErrorException>(() => CommitTo(Names[node], node));
            Assert.Contains("database", refused.Text, StringComparison.Ordinal);
        }

        await Cluster.Server.Resume();
        for (var node = 0; node < 3; node++)
        {
            await Taken(node, Names[node]);
        }

        await Task.WhenAll(Enumerable.Range(0, 3).Select(node => Cluster.Sees(node, 3)));
        Assert.Equal(masters, await Masters());
        Assert.Equal(processes, Cluster.Nodes.Select(node => node.Id));
        Assert.All(Cluster.Nodes, node => Assert.DoesNotContain("begins anew", node.Log, StringComparison.Ordinal));
    }

    protected override Task<NodeCluster> Start() => NodeCluster.Start(3);

    private async Task<List<string>> Line(int node) =>
        [.. ((JsonArray)(await Rpc(node).Call("Commits", new { Namespace = "admin", Name = Names[node], Branch = "" }))!)
            .Select(commit => (string)commit!["Id"]!)];

    private async Task<List<string?>> Masters()
    {
        var listed = (JsonObject)(await Rpc(0).Call("List"))!["admin"]!;
        return [.. Names.Select(name => (string?)listed[name]!["Master"])];
    }
}
