using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Three node processes on one PostgreSQL: whatever node is asked, the answer is the same.</summary>
[Trait("Speed", "slow")]
public sealed class ClusterSpec : ThreeNodes
{
    [SkippableFact]
    public async Task A_dot_made_on_one_node_is_used_through_the_others_at_once()
    {
        var dot = new { Namespace = "admin", Name = "data", Branch = "" };
        await Rpc(0).Call("Create", new { dot.Namespace, dot.Name });
        Assert.Equal(await Rpc(0).Text("Exists", dot), await Rpc(1).Text("Exists", dot));

        for (var commit = 0; commit < 9; commit++)
        {
            var id = await Rpc(commit % 3).Text("Commit", new { dot.Namespace, dot.Name, dot.Branch, Message = $"number {commit}" });
            var seen = (JsonArray)(await Rpc((commit + 1) % 3).Call("Commits", dot))!;
            Assert.Equal(id, (string?)seen[^1]!["Id"]);
        }

        // of a dot on folders that nobody wrote into
        var sizes = (JsonArray)(await Rpc(2).Call("CommitSizes", dot))!;
        Assert.Equal(
            ((JsonArray)(await Rpc(0).Call("Commits", dot))!).Select(commit => ((string?)commit!["Id"], 0L)),
            sizes.Select(size => ((string?)size!["Id"], (long)size["SizeBytes"]!)));
        await Rpc(2).Call("Branch", new { dot.Namespace, dot.Name, SourceBranch = "master", NewBranchName = "side", SourceCommitId = await Newest(1, dot) });
        Assert.Contains("side", ((JsonArray)(await Rpc(0).Call("Branches", new { dot.Namespace, dot.Name }))!).Select(b => (string?)b));
        foreach (var node in new[] { 0, 1, 2 })
        {
            var listed = (await Rpc(node).Call("List"))!["admin"]!["data"]!;
            Assert.Equal(10, (int)listed["CommitCount"]!);
            Assert.Equal(await Cluster.IdOf(0), (string?)listed["Master"]);
            Assert.Equal(3, ((JsonObject)listed["ServerStates"]!).Count);
            Assert.Equal("waiting, 10 commits", (string?)listed["ServerStatuses"]![await Cluster.IdOf(0)]);
        }

        await Rpc(1).Call("Delete", new { dot.Namespace, dot.Name });
        await Assert.ThrowsAsync<RpcErrorException>(() => Rpc(2).Call("Commit", new { dot.Namespace, dot.Name, dot.Branch, Message = "late" }));
        Assert.Empty((JsonObject)(await Rpc(0).Call("List"))!);
    }

    [SkippableFact]
    public async Task A_user_registered_on_one_node_logs_in_on_another_and_a_name_is_given_once()
    {
        await Rpc(0).Call("RegisterNewUser", new { Name = "alice", Email = "alice@example.com", Password = "a-good-password" });
        using var alice = new RpcClient(new Uri(Cluster.Nodes[2].Address, "/rpc"), "alice", "a-good-password");
        Assert.Equal("alice", (string?)(await alice.Call("CurrentUser"))!["Name"]);

        var made = await Task.WhenAll(Enumerable.Range(0, 3).Select(async node =>
        {
            try
            {
                await Rpc(node).Call("Create", new { Namespace = "alice", Name = "once" });
                return true;
            }
            catch (RpcErrorException)
            {
                return false;
            }
        }));
        Assert.Single(made, won => won);
    }

    [SkippableFact]
    public async Task A_dot_whose_node_was_killed_stays_in_the_lists_and_calls_name_the_node_until_it_is_back()
    {
        await Rpc(1).Call("Create", new { Namespace = "admin", Name = "gone" });
        await Rpc(1).Call("Commit", new { Namespace = "admin", Name = "gone", Branch = "", Message = "kept" });
        var lost = await Cluster.IdOf(1);
        await Cluster.Nodes[1].Kill9();
        await Cluster.Sees(0, 2);

        var listed = (await Rpc(0).Call("List"))!["admin"]!["gone"]!;
        Assert.Equal("unknown", (string?)listed["ServerStates"]![lost]);
        var refused = await Assert.ThrowsAsync<RpcErrorException>(
            () => Rpc(2).Call("Commit", new { Namespace = "admin", Name = "gone", Branch = "", Message = "lost" }));
        Assert.Contains(lost, refused.Text, StringComparison.Ordinal);

        await Cluster.Restart(1);
        await Cluster.Sees(0, 3);
        await Patience.Holds(
            async () =>
            {
                try
                {
                    return await Rpc(0).Text("Commit", new { Namespace = "admin", Name = "gone", Branch = "", Message = "again" });
                }
                catch (RpcErrorException notYet) when (notYet.Text.Contains(lost, StringComparison.Ordinal))
                {
                    return null;
                }
            },
            TimeSpan.FromSeconds(60),
            () => "the dot did not come back");
        var commits = (JsonArray)(await Rpc(2).Call("Commits", new { Namespace = "admin", Name = "gone", Branch = "" }))!;
        Assert.Equal(["Initial commit", "kept", "again"], commits.Select(c => (string?)c!["Metadata"]!["message"]));
    }

    [SkippableFact]
    public async Task While_the_database_is_away_reads_go_on_and_writes_are_refused_and_afterwards_all_goes_on()
    {
        var dot = new { Namespace = "admin", Name = "steady", Branch = "" };
        await Rpc(0).Call("Create", new { dot.Namespace, dot.Name });
        await Cluster.Server.Kill();

        Assert.Single((JsonArray)(await Rpc(1).Call("Commits", dot))!);
        await Assert.ThrowsAsync<RpcErrorException>(() => Rpc(1).Call("Create", new { Namespace = "admin", Name = "not-now" }));

        await Cluster.Server.Resume();
        await Patience.Holds(
            async () =>
            {
                try
                {
                    return await Rpc(1).Text("Commit", new { dot.Namespace, dot.Name, dot.Branch, Message = "goes on" });
                }
                catch (RpcErrorException)
                {
                    return null;
                }
            },
            TimeSpan.FromSeconds(60),
            () => $"writes did not go on\n{Cluster.Nodes[0].Log}");
        Assert.All(Cluster.Nodes, node => Assert.False(node.HasExited));
    }

    [SkippableFact]
    public async Task Dots_that_slept_when_the_database_went_away_say_so_and_wake_up_soon_after_it_is_back()
    {
        var dots = Enumerable.Range(0, 12).Select(number => new { Namespace = "admin", Name = $"sleeper{number}", Branch = "", Message = "wakes" }).ToList();
        await Task.WhenAll(dots.Select(dot => Rpc(0).Call("Create", new { dot.Namespace, dot.Name })));
        await Cluster.Nodes[0].Stop();
        await Cluster.Restart(0);
        await Cluster.Sees(1, 3);
        await Cluster.Server.Kill();
        foreach (var dot in dots)
        {
            var refused = await Assert.ThrowsAsync<RpcErrorException>(() => Rpc(0).Call("Commit", dot));
            Assert.Contains("database", refused.Text, StringComparison.Ordinal);
        }

        await Cluster.Server.Resume();
        await Patience.Holds(
            async () =>
            {
                try
                {
                    await Task.WhenAll(dots.Select(dot => Rpc(1).Call("Commit", dot)));
                    return this;
                }
                catch (RpcErrorException)
                {
                    return null;
                }
            },
            TimeSpan.FromSeconds(60),
            () => $"they sleep on\n{Cluster.Nodes[0].Log}");
    }

    [SkippableFact]
    public async Task A_node_with_another_secret_is_refused_and_the_others_say_so()
    {
        var setup = Cluster.Setup(9);
        var stranger = setup with
        {
            Environment = new Dictionary<string, string?>(setup.Environment) { ["DOTMESH__CLUSTER__SECRETFILE"] = Path.Combine(setup.Folder, "own-secret") },
        };
        Assert.Contains("another cluster secret", await NodeCluster.Refused(stranger), StringComparison.Ordinal);
        await Cluster.Logged("another cluster secret", TimeSpan.FromSeconds(20));
    }

    protected override Task<NodeCluster> Start() => NodeCluster.Start(3, ("DOTMESH__FAILOVER__MODE", "manual"));

    private async Task<string> Newest(int node, object dot) =>
        (string)((JsonArray)(await Rpc(node).Call("Commits", dot))!)[^1]!["Id"]!;
}
