using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Who is let into a cluster, and by which way it is reached.</summary>
[Trait("Speed", "slow")]
public sealed class NodeJoinSpec : IAsyncLifetime
{
    private static readonly object Dot = new { Namespace = "admin", Name = "data", Branch = "" };

    private NodeCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        Lanes.Require(Lanes.Postgres);
        _cluster = await NodeCluster.Start(1);
    }

    public async Task DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }

    [SkippableFact]
    public async Task A_copied_pool_is_refused_while_the_original_is_served_and_no_harm_is_done()
    {
        await _cluster.Nodes[0].Rpc.Call("Create", Dot);
        var copy = _cluster.Setup(9);
        System.IO.Directory.CreateDirectory(copy.Folder);
        await ChildProcess.Succeed("cp", "-a", _cluster.Nodes[0].Setup.DataFolder, copy.Folder);

        var errors = await NodeCluster.Refused(copy);
        Assert.Contains("is served by a node that is alive", errors, StringComparison.Ordinal);
        Assert.Contains("A copied pool keeps its id", errors, StringComparison.Ordinal);
        await _cluster.Logged("is served by a node that is alive", TimeSpan.FromSeconds(20));
        await _cluster.Nodes[0].Rpc.Text("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "after" });
    }

    [SkippableFact]
    public async Task A_node_behind_a_forwarded_port_is_reached_by_that_port()
    {
        var (bound, published) = (FreePorts.Take(), FreePorts.Take());
        await using var forwarder = new TcpForwarder(published, bound);
        var setup = _cluster.Setup(8);
        await using var node = await NodeProcess.Start(setup with
        {
            Environment = new Dictionary<string, string?>(setup.Environment)
            {
                ["DOTMESH__CLUSTER__PORT"] = $"{bound}",
                ["DOTMESH__CLUSTER__PUBLICPORT"] = $"{published}",
            },
        });
        await _cluster.Sees(0, 2);
        // who comes later dials it
        await using var later = await NodeProcess.Start(_cluster.Setup(7));
        await _cluster.Sees(0, 3);

        await node.Rpc.Call("Create", Dot);
        await later.Rpc.Text("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "through the port" });

        Assert.Contains($"dotmesh@127.0.0.1:{published}", node.Log, StringComparison.Ordinal);
        Assert.True(forwarder.Connections > 0, "nobody has used the published port");
    }
}
