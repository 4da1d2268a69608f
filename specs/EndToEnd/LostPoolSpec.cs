using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>The pool of one of three nodes vanishes and comes back (design D9).</summary>
public abstract class LostPoolSpec : ThreeNodes
{
    [SkippableFact]
    public async Task A_node_whose_pool_is_gone_says_so_and_its_dots_are_served_by_others_until_it_is_back()
    {
        await Rpc(0).Call("Create", new { Namespace = "admin", Name = "data" });
        await Cluster.Holds("data", "", 1);
        var process = Cluster.Nodes[0].Id;
        var pool = await TakeAway();

        await Taken(1, "data");
        using var http = new HttpClient();
        using var health = await http.GetAsync(new Uri(Cluster.Nodes[0].Address, "/health/ready"));
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.Contains(pool, await health.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var refused = await Assert.ThrowsAsync<RpcErrorException>(() => CommitTo("data", 0));
        Assert.Contains(pool, refused.Text, StringComparison.Ordinal);

        await GiveBack();
        await Cluster.Nodes[0].Ready();
        await Cluster.Sees(1, 3);
        await Taken(0, "data");
        Assert.Equal(process, Cluster.Nodes[0].Id);
        var line = (JsonArray)(await Rpc(1).Call("Commits", new { Namespace = "admin", Name = "data", Branch = "" }))!;
        await Cluster.Holds("data", "", line.Count);
    }

    /// <summary>That of node 0; answers what its messages have to name.</summary>
    protected abstract Task<string> TakeAway();

    protected abstract Task GiveBack();
}

/// <summary>A folder that is moved away.</summary>
[Trait("Speed", "slow")]
public sealed class LostPoolDirectorySpec : LostPoolSpec
{
    private string Pool => Path.Combine(Cluster.Nodes[0].Setup.DataFolder, "pool");

    protected override Task<NodeCluster> Start() => NodeCluster.Start(3);

    protected override Task<string> TakeAway()
    {
        Directory.Move(Pool, Pool + ".away");
        return Task.FromResult(Pool);
    }

    protected override Task GiveBack()
    {
        Directory.Move(Pool + ".away", Pool);
        return Task.CompletedTask;
    }
}

/// <summary>A zfs pool that is exported by force.</summary>
[Trait("Speed", "slow")]
public sealed class LostPoolZfsSpec : LostPoolSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.StartOnPools(3);

    protected override async Task<string> TakeAway()
    {
        await Cluster.ExportPool(0);
        return Cluster.PoolOf(0);
    }

    protected override Task GiveBack() => Cluster.ImportPool(0);
}
