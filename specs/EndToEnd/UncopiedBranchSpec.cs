using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// A branch that the journal knows and no other node has yet, when the node that made it loses the dot: its commits were acknowledged.
/// </summary>
[Trait("Speed", "slow")]
public sealed class UncopiedBranchSpec : ThreeNodes
{
    [SkippableFact]
    public async Task A_branch_that_only_a_replaced_node_has_comes_back_with_it_under_its_own_name()
    {
        await Rpc(0).Call("Create", new { Namespace = "admin", Name = "data" });
        await Cluster.Holds("data", "", 1);
        var first = (string?)((JsonArray)(await Rpc(0).Call("Commits", new { Namespace = "admin", Name = "data" }))!)[0]!["Id"];
        await Cluster.Nodes[1].Freeze();
        await Cluster.Nodes[2].Freeze();
        await Rpc(0).Call("Branch", new { Namespace = "admin", Name = "data", SourceBranch = "master", NewBranchName = "side", SourceCommitId = first });
        await Rpc(0).Text("Commit", new { Namespace = "admin", Name = "data", Branch = "side", Message = "only here" });
        await Cluster.Nodes[0].Freeze();
        Cluster.Nodes[1].Thaw();
        Cluster.Nodes[2].Thaw();

        await Taken(1, "data");
        Cluster.Nodes[0].Thaw();
        await Cluster.Nodes[0].Ready();

        foreach (var node in new[] { 0, 1, 2 })
        {
            await Until(() => IsBack(node), () => $"the branch does not come back, as node {node} has it");
        }

        await Cluster.Sees(0, 3);
        Assert.Equal("only here", (await Messages(0, "side")).First());
        await Cluster.Holds("data", "side", (await Messages(2, "side")).Count());
    }

    // long enough for what is done while the others are frozen
    protected override Task<NodeCluster> Start() => NodeCluster.Start(3, ("DOTMESH__CLUSTER__LEASESECONDS", "10"));

    private async Task<bool> IsBack(int node)
    {
        try
        {
            return (await Messages(node, "side")).Contains("only here");
        }
        catch (Exception notYet) when (notYet is RpcErrorException or HttpRequestException)
        {
            return false;
        }
    }
}
