using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>A node dies, freezes or stops: three processes, one PostgreSQL (design D7, D9).</summary>
public abstract class FailoverSpec : ThreeNodes
{
    private string _last = "";

    [SkippableFact]
    public async Task After_a_kill_the_dot_takes_commits_elsewhere_and_what_was_not_committed_comes_back_as_a_branch()
    {
        var path = (string)(await Rpc(0).Call("Procure", new { Namespace = "admin", Name = "data" }))!;
        await File.WriteAllTextAsync(Path.Combine(path, "kept"), "committed");
        await Commit(1, "kept");
        await Cluster.Holds("data", "", 2);
        await File.WriteAllTextAsync(Path.Combine(path, "dirty"), "not committed");
        var first = await Cluster.IdOf(0);

        await Cluster.Nodes[0].Kill9();
        await CommitsAgain(1, "elsewhere");
        await Until(async () => await Master(2) != first, () => "node 2 has not heard of the takeover");

        await Cluster.Restart(0);
        await Cluster.Sees(1, 3);
        var branch = await Diverged(1, 2, 0);
        var commits = (JsonArray)(await Rpc(2).Call("Commits", new { Namespace = "admin", Name = "data", Branch = branch }))!;
        Assert.Equal(first, (string?)commits[^1]!["Metadata"]!["diverged-node"]);
        var files = (string)(await Rpc(0).Call("Procure", new { Namespace = "admin", Name = $"data@{branch}" }))!;
        Assert.Equal("not committed", await File.ReadAllTextAsync(Path.Combine(files, "dirty")));
        var master = (string)(await Rpc(0).Call("Procure", new { Namespace = "admin", Name = "data" }))!;
        Assert.Equal(["kept"], Directory.GetFiles(master).Select(Path.GetFileName));
        Assert.Equal(["Initial commit", "kept", "elsewhere"], await Messages(2, ""));
    }

    [SkippableFact]
    [Trait("Behaviour", "66")]
    public async Task Behaviour_66_a_node_that_was_frozen_gives_up_its_dots_and_hands_in_what_only_it_had()
    {
        await Rpc(0).Call("Create", new { Namespace = "admin", Name = "data" });
        await Cluster.Holds("data", "", 1);
        await Cluster.Nodes[1].Freeze();
        await Cluster.Nodes[2].Freeze();
        await Commit(0, "only here");
        await Cluster.Nodes[0].Freeze();
        Cluster.Nodes[1].Thaw();
        Cluster.Nodes[2].Thaw();

        await CommitsAgain(1, "after the takeover");
        Cluster.Nodes[0].Thaw();
        await Cluster.Nodes[0].Ready();
        await Cluster.Sees(0, 3);
        var branch = await Diverged(1, 0);
        Assert.Equal(["only here", $"What node {await Cluster.IdOf(0)} had that node {await Master(1)} had not"], await Messages(0, branch));
        Assert.Equal(["Initial commit", "after the takeover"], await Messages(0, ""));
        await Cluster.Holds("data", "", 2);
        await Cluster.Holds("data", branch, 2);
    }

    [SkippableFact]
    public async Task A_node_that_was_replaced_while_it_was_frozen_begins_anew_even_if_the_database_is_away_at_first()
    {
        await Rpc(0).Call("Create", new { Namespace = "admin", Name = "data" });
        await Cluster.Holds("data", "", 1);
        await Cluster.Nodes[0].Freeze();
        await CommitsAgain(1, "after the takeover");
        await Cluster.Server.Kill();
        Cluster.Nodes[0].Thaw();
        await Cluster.Logged("could not be renewed", TimeSpan.FromSeconds(60), 0);
        await Cluster.Server.Resume();
        await Cluster.Logged("The node begins anew", TimeSpan.FromSeconds(60), 0);
        await Cluster.Nodes[0].Ready();
        await Cluster.Sees(0, 3);
        await Cluster.Holds("data", "", 2);
    }

    [SkippableFact]
    public async Task A_node_without_dots_that_was_frozen_comes_back_too_and_who_starts_meanwhile_finds_the_others()
    {
        await Cluster.Nodes[0].Freeze();
        await Cluster.Logged("it leaves the cluster", TimeSpan.FromSeconds(60), 1, 2);
        // whoever starts now must not be told to join it
        await Cluster.Server.Execute(
            Cluster.Database.Database,
            "DO $$ BEGIN IF 2 <> (SELECT COUNT(*) FROM nodes WHERE state = 'up') THEN RAISE EXCEPTION 'its row says that it is up'; END IF; END $$");
        Cluster.Nodes[0].Thaw();
        await Cluster.Add(1);
        Assert.Equal(4, (await Cluster.Servers(0)).Count);
    }

    [SkippableFact]
    public async Task A_node_that_is_stopped_hands_its_dots_over_first()
    {
        for (var n = 0; n < 5; n++)
        {
            await Rpc(0).Call("Create", new { Namespace = "admin", Name = $"dot{n}" });
        }

        Assert.Equal(0, await Cluster.Nodes[0].Stop());
        for (var n = 0; n < 5; n++)
        {
            await Rpc(1).Call("Commit", new { Namespace = "admin", Name = $"dot{n}", Branch = "", Message = "goes on" });
        }
    }

    [SkippableFact]
    [Trait("Behaviour", "62")]
    public async Task Behaviour_62_Procure_on_another_node_moves_the_dot_with_its_branches_and_its_files()
    {
        var path = (string)(await Rpc(0).Call("Procure", new { Namespace = "admin", Name = "data" }))!;
        await File.WriteAllTextAsync(Path.Combine(path, "file"), "one");
        var commit = await Commit(0, "one");
        await Rpc(0).Call("Branch", new { Namespace = "admin", Name = "data", SourceBranch = "master", NewBranchName = "side", SourceCommitId = commit });
        for (var round = 1; round < 6; round++)
        {
            await File.WriteAllTextAsync(Path.Combine(path, $"round{round}"), $"{round}");
            path = (string)(await Rpc(round % 3).Call("Procure", new { Namespace = "admin", Name = "data" }))!;
            Assert.Equal($"{round}", await File.ReadAllTextAsync(Path.Combine(path, $"round{round}")));
            Assert.Equal(await Cluster.IdOf(round % 3), await Master((round + 1) % 3));
        }

        Assert.Equal(["Initial commit", "one", .. Enumerable.Repeat("Data that was not committed when the dot moved to another node", 5)], await Messages(0, ""));
        var side = (string)(await Rpc(1).Call("Procure", new { Namespace = "admin", Name = "data@side" }))!;
        Assert.Equal("one", await File.ReadAllTextAsync(Path.Combine(side, "file")));
        Assert.DoesNotContain("DIVERGED", (await Rpc(0).Call("Branches", new { Namespace = "admin", Name = "data" }))!.ToJsonString(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Force_and_drain_move_control_and_a_replicated_commit_waits_for_its_copies()
    {
        await Rpc(0).Call("Create", new { Namespace = "admin", Name = "data" });
        var id = await Rpc(0).Text("Lookup", new { Namespace = "admin", Name = "data", Branch = "" });
        await Rpc(0).Call("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "safe", Durability = "replicated" });
        var lag = (JsonObject)(await Rpc(2).Call("GetReplicationLatencyForBranch", new { Namespace = "admin", Name = "data", Branch = "" }))!;
        Assert.All(lag, node => Assert.Empty((JsonArray)node.Value!));

        var dm = Dm.Of(Cluster.Nodes[1]);
        Assert.Equal(["master", "replica", "replica"], await Roles(dm));
        await dm.Says("dot", "smash-branch-master", "data", "master", await Cluster.IdOf(2));
        Assert.Equal(await Cluster.IdOf(2), await Master(0));
        Assert.Equal(["master", "replica", "replica"], await Roles(dm));
        await Rpc(1).Call("ForceBranchMasterById", new { FilesystemId = id, Master = await Cluster.IdOf(2) });
        await Commit(0, "on the third");

        var drained = JsonNode.Parse(await dm.Says("node", "drain", await Cluster.IdOf(2), "-o", "json"))!;
        Assert.Equal((1, 0), ((int)drained["moved"]!, (int)drained["left"]!));
        Assert.NotEqual(await Cluster.IdOf(2), await Master(0));
        Assert.Equal(["Initial commit", "safe", "on the third"], await Messages(2, ""));

        await Rpc(0).Call("MoveDot", new { Namespace = "admin", Name = "data", Node = await Cluster.IdOf(2) });
        Assert.Equal(await Cluster.IdOf(2), await Master(1));
        var nodes = (JsonArray)(await Rpc(1).Call("Nodes"))!;
        Assert.Equal(3, nodes.Count);
        Assert.All(nodes, node => Assert.Equal("up", (string)node!["State"]!));
        var third = await Cluster.IdOf(2);
        Assert.Equal(1, (int)nodes.Single(node => (string)node!["Id"]! == third)!["Dots"]!);
        Assert.All(nodes, node => Assert.True((long)node!["PoolSizeBytes"]! > 0));

        await Rpc(0).Call("SetReplication", new { Namespace = "admin", Name = "data", Copies = 4 });
        var refused = await Assert.ThrowsAsync<RpcErrorException>(() =>
            Rpc(0).Call("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "more", Durability = "replicated" }));
        Assert.Contains("needs 4 nodes", refused.Text, StringComparison.Ordinal);
    }

    /// <summary>As scripts read them (behaviour 63).</summary>
    private static async Task<IEnumerable<string>> Roles(Dm dm) =>
        (await dm.Says("dot", "show", "-H", "data")).Split('\n').Select(line => line.Split('\t')).Where(words => words[0] == "latency")
            .Select(words => words[2]).Order(StringComparer.Ordinal);

    private Task<string> Commit(int node, string message) =>
        Rpc(node).Text("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = message });

    private Task CommitsAgain(int node, string message) => Patience.Holds(
        async () =>
        {
            try
            {
                return await Commit(node, message);
            }
            catch (Exception notYet) when (notYet is RpcErrorException or HttpRequestException)
            {
                _last = notYet.Message;
                return null;
            }
        },
        TimeSpan.FromSeconds(90),
        () => $"no commit was taken: {_last}\n{Logs}");
}

/// <summary>On directory storage.</summary>
[Trait("Speed", "slow")]
public sealed class FailoverDirectorySpec : FailoverSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.Start(3);
}

/// <summary>On a zfs pool for each node.</summary>
[Trait("Speed", "slow")]
public sealed class FailoverZfsSpec : FailoverSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.StartOnPools(3);
}
