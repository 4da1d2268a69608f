using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Copies on the other nodes: three processes, one PostgreSQL (design D8).</summary>
public abstract class ReplicationSpec : ThreeNodes
{
    private static readonly object Dot = new { Namespace = "admin", Name = "data", Branch = "" };

    [SkippableFact]
    public async Task Commits_branches_and_rollbacks_are_on_the_other_nodes_a_moment_later()
    {
        var path = (string)(await Rpc(0).Call("Procure", new { Namespace = "admin", Name = "data" }))!;
        var commits = new List<string>();
        for (var n = 0; n < 5; n++)
        {
            await File.WriteAllTextAsync(Path.Combine(path, $"file{n}"), $"content {n}");
            commits.Add(await Rpc(n % 3).Text("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = $"number {n}" }));
        }

        await Cluster.Holds("data", "", 6);
        await Rpc(1).Call("Branch", new { Namespace = "admin", Name = "data", SourceBranch = "master", NewBranchName = "side", SourceCommitId = commits[2] });
        await Rpc(2).Call("Commit", new { Namespace = "admin", Name = "data", Branch = "side", Message = "on the side" });
        await Cluster.Holds("data", "side", 1);

        await Rpc(1).Call("Rollback", new { Namespace = "admin", Name = "data", Branch = "", SnapshotId = commits[3] });
        await Cluster.Holds("data", "", 5);
        await Rpc(1).Call("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "after the rollback" });
        await Cluster.Holds("data", "", 6);
        Assert.Equal(
            ["inactive", "inactive", "active"],
            (await Servers("data", "")).OrderByDescending(state => state, StringComparer.Ordinal));
        var lag = (JsonObject)(await Rpc(1).Call("GetReplicationLatencyForBranch", Dot))!;
        Assert.Equal(3, lag.Count);
        Assert.All(lag, node => Assert.Empty((JsonArray)node.Value!));
    }

    [SkippableFact]
    public async Task A_node_that_was_away_catches_up_and_drops_what_was_deleted()
    {
        await Rpc(0).Call("Create", new { Namespace = "admin", Name = "data" });
        await Rpc(0).Call("Create", new { Namespace = "admin", Name = "goner" });
        await Cluster.Holds("data", "", 1);
        await Cluster.Holds("goner", "", 1);
        await Cluster.Nodes[2].Kill9();
        await Cluster.Sees(0, 2);
        await Rpc(0).Call("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "missed" });
        await Rpc(1).Call("Delete", new { Namespace = "admin", Name = "goner" });

        await Cluster.Restart(2);
        await Cluster.Sees(0, 3);
        await Cluster.Holds("data", "", 2);
        Assert.Equal(["data"], ((JsonObject)(await Rpc(2).Call("List"))!["admin"]!).Select(dot => dot.Key));
        await Patience.Holds(
            async () => (string?)(await Rpc(2).Call("DumpInternalState", "poolIndex.filesystems"))!["poolIndex.filesystems"] == "1" ? this : null,
            TimeSpan.FromSeconds(30),
            () => "the deleted dot is still in the pool of the node that was away");
    }

    private async Task<IEnumerable<string>> Servers(string name, string branch)
    {
        var id = await Rpc(0).Text("Lookup", new { Namespace = "admin", Name = name, Branch = branch });
        return ((JsonObject)(await Rpc(0).Call("Get", id))!["ServerStates"]!).Select(state => (string)state.Value!);
    }
}

/// <summary>On directory storage.</summary>
[Trait("Speed", "slow")]
public sealed class ReplicationDirectorySpec : ReplicationSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.Start(3);
}

/// <summary>On a zfs pool for each node.</summary>
[Trait("Speed", "slow")]
public sealed class ReplicationZfsSpec : ReplicationSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.StartOnPools(3);
}
