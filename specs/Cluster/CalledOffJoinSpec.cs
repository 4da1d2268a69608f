using Akka.Actor;
using Akka.TestKit.Xunit2;
using Dotmesh.Actors.Clustering;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Cluster;

public sealed class CalledOffJoinSpec() : TestKit(
    """
    akka.actor.provider = cluster
    akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
    akka.loglevel = OFF
    """)
{
    [Fact]
    public async Task A_join_that_is_called_off_ends_as_called_off_and_not_as_a_node_that_found_nobody()
    {
        var cluster = Akka.Cluster.Cluster.Get(Sys);
        var nobody = new Address(cluster.SelfAddress.Protocol, Sys.Name, "127.0.0.1", FreePorts.Take());
        using var off = new CancellationTokenSource();

        var joining = ClusterEntry.TryJoin(cluster, [nobody], off.Token);
        await off.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => joining);
    }
}
