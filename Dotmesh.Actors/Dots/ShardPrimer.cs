using Akka.Actor;
using Akka.Cluster;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// Learns where the shard of each member is as soon as it is up: a region that knows needs no coordinator, so that commands reach
/// the living nodes also in the seconds after the coordinator's node died (design D1).
/// </summary>
internal sealed class ShardPrimer : ReceiveActor
{
    public ShardPrimer(IActorRef region)
    {
        Receive<ClusterEvent.MemberUp>(up =>
        {
            if (DotSharding.NodeOf(up.Member) is { } node)
            {
                region.Tell(new PrimeShard(node));
            }
        });
        Receive<ShardPrimed>(_ => { });
    }

    protected override void PreStart() => Cluster.Get(Context.System).Subscribe(
        Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.MemberUp));

    protected override void PostStop() => Cluster.Get(Context.System).Unsubscribe(Self);
}
