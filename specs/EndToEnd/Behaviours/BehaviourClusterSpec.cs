using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

/// <summary>What the contract says of the nodes of one cluster: three processes, asked by turns.</summary>
public abstract class BehaviourClusterSpec : ThreeNodes
{
    private static readonly object Dot = new { Namespace = "admin", Name = "data", Branch = "" };
    private static readonly int[] All = [0, 1, 2];

    [SkippableFact]
    [Trait("Behaviour", "56")]
    [Trait("Behaviour", "58")]
    [Trait("Behaviour", "61")]
    public async Task Behaviours_56_58_61_whichever_node_is_asked_to_delete_a_dot_it_is_gone_from_all_and_its_name_makes_a_new_one_on_any()
    {
        foreach (var asked in All)
        {
            await File.WriteAllTextAsync(Path.Combine(await Procured(0), "file"), "old");
            await Rpc(asked).Call("Delete", Dot);
            Assert.All(await Listed(), Assert.Null);

            var first = await Procured(0);
            Assert.Empty(Directory.GetFiles(first));
            await File.WriteAllTextAsync(Path.Combine(first, "file"), "new");
            Assert.Equal("new", await File.ReadAllTextAsync(Path.Combine(await Procured(1), "file")));
            var here = await Cluster.IdOf(1);
            Assert.All(await Listed(), listed => Assert.Equal(here, (string?)listed!["Master"]));
            await Rpc(asked).Call("Delete", Dot);
            Assert.All(await Listed(), Assert.Null);
        }

        foreach (var node in All)
        {
            await Until(async () => (await Cluster.FilesystemsIn(node)).Count == 0, () => $"something is left in the pool of node {node}");
            var link = Path.Combine(Cluster.Nodes[node].Setup.ContainerMountPrefix, "admin", "data");
            await Until(() => Task.FromResult(new FileInfo(link).LinkTarget is null), () => $"{link} is left");
        }
    }

    [SkippableFact]
    [Trait("Behaviour", "57")]
    [Trait("Behaviour", "59")]
    [Trait("Behaviour", "60")]
    public async Task Behaviours_57_59_60_a_dot_with_branches_of_branches_goes_in_one_call_and_who_learns_of_it_late_does_its_new_namesake_no_harm()
    {
        var old = await MadeWithBranches();
        await Cluster.Nodes[2].Kill9();
        await Cluster.Sees(0, 2);

        await Rpc(1).Call("Delete", Dot);
        await File.WriteAllTextAsync(Path.Combine(await Procured(0), "file"), "new");
        await CommitTo("data", 1);
        var made = await Rpc(1).Text("Exists", Dot);
        Assert.DoesNotContain(made, old);
        Assert.Superset(old.ToHashSet(), (await Cluster.FilesystemsIn(2)).ToHashSet());

        await Cluster.Restart(2);
        await Cluster.Sees(0, 3);
        foreach (var node in All)
        {
            await Until(
                async () => (await Cluster.FilesystemsIn(node)) is [var only] && only == made,
                () => $"the pool of node {node} has more or less than the new dot");
            Assert.Equal(made, await Rpc(node).Text("Exists", Dot));
            Assert.Empty((JsonArray)(await Rpc(node).Call("Branches", Dot))!);
        }

        await Cluster.Holds("data", "", 2);
        Assert.Equal(["file"], Directory.GetFiles(await Procured(2)).Select(Path.GetFileName));
    }

    [SkippableFact]
    [Trait("Behaviour", "63")]
    [Trait("Behaviour", "64")]
    [Trait("Behaviour", "65")]
    public async Task Behaviours_63_64_65_every_node_is_listed_as_master_or_replica_and_an_administrator_swaps_them_at_once()
    {
        await Procured(0);
        await CommitTo("data", 0);
        await Cluster.Holds("data", "", 2);
        var id = await Rpc(0).Text("Lookup", Dot);
        await AssertRoles(id, "master", "replica", "replica");

        await Rpc(1).Call("ForceBranchMasterById", new { FilesystemId = id, Master = await Cluster.IdOf(2) });
        await AssertRoles(id, "replica", "replica", "master");
        await Rpc(0).Call("ForceBranchMasterById", new { FilesystemId = id, Master = "" });
        await AssertRoles(id, "master", "replica", "replica");

        await CommitTo("data", 2);
        await Cluster.Holds("data", "", 3);
        Assert.Empty((JsonArray)(await Rpc(1).Call("Branches", Dot))!);
    }

    /// <summary>On node 0, held by all; answers the ids of its filesystems.</summary>
    private async Task<List<string>> MadeWithBranches()
    {
        await File.WriteAllTextAsync(Path.Combine(await Procured(0), "file"), "old");
        foreach (var (from, branch) in new[] { ("master", "branch1"), ("branch1", "branch2"), ("master", "branch3") })
        {
            var commit = await Rpc(0).Text(
                "Commit", new { Namespace = "admin", Name = "data", Branch = from == "master" ? "" : from, Message = $"for {branch}" });
            await Rpc(1).Call(
                "Branch", new { Namespace = "admin", Name = "data", SourceBranch = from, NewBranchName = branch, SourceCommitId = commit });
        }

        var ids = new List<string>();
        foreach (var (branch, commits) in new[] { ("", 3), ("branch1", 1), ("branch2", 0), ("branch3", 0) })
        {
            await Cluster.Holds("data", branch, commits);
            ids.Add(await Rpc(0).Text("Lookup", new { Namespace = "admin", Name = "data", Branch = branch }));
        }

        return ids;
    }

    /// <summary>What the list of each node says of the dot; null: nothing.</summary>
    private async Task<JsonNode?[]> Listed() =>
        await Task.WhenAll(All.Select(async node => (await Rpc(node).Call("List"))!["admin"]?["data"]));

    /// <summary>Whatever node is asked; all of them have all commits. What is asked is what the command line shows as <c>latency</c>.</summary>
    private async Task AssertRoles(string id, params string[] roles)
    {
        foreach (var asked in All)
        {
            var dump = (JsonObject)(await Rpc(asked).Call("DumpInternalState"))!;
            var master = (string?)(await Rpc(asked).Call("Get", id))!["Master"];
            Assert.Equal(master, (string?)dump[$"mastersCache.{id}"]);
            var lag = (JsonObject)(await Rpc(asked).Call("GetReplicationLatencyForBranch", Dot))!;
            Assert.Equal(roles.Length, lag.Count);
            for (var node = 0; node < roles.Length; node++)
            {
                var name = await Cluster.IdOf(node);
                Assert.Empty((JsonArray)lag[name]!);
                Assert.Equal(roles[node], name == master ? "master" : "replica");
                Assert.True(dump.ContainsKey($"serverAddressesCache.{name}"), dump.ToJsonString());
            }
        }
    }
}

/// <summary>On directory storage.</summary>
[Trait("Speed", "slow")]
public sealed class BehaviourClusterDirectorySpec : BehaviourClusterSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.Start(3);
}

/// <summary>On a zfs pool for each node.</summary>
[Trait("Speed", "slow")]
public sealed class BehaviourClusterZfsSpec : BehaviourClusterSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.StartOnPools(3);
}
