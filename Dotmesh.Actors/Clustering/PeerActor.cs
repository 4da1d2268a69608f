using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Replication;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Clustering;

/// <summary>
/// This node's ear among the others, at the same path on each: takes their news, and reads all cached tables anew when
/// one of them was out of reach, because its news were then missed.
/// </summary>
internal sealed class PeerActor : ReceiveActor
{
    public const string Name = "peer";

    private readonly SqlDatabase _database;
    private readonly IActorRef _replicator;
    private readonly ILogger _log;

    public PeerActor(SqlDatabase database, IActorRef replicator, ILogger log)
    {
        _database = database;
        _replicator = replicator;
        _log = log;
        Receive<PeerProtocol.DotChanged>(changed => _replicator.Tell(new ReplicatorProtocol.Changed(changed.Dot)));
        Receive<PeerProtocol.RowsChanged>(news => Read(news.Changes));
        Receive<ClusterEvent.MemberUp>(up => ReadAll($"{up.Member.Address} is up"));
        Receive<ClusterEvent.ReachableMember>(back => ReadAll($"{back.Member.Address} is reachable again"));
        Receive<ClusterEvent.MemberRemoved>(gone => _replicator.Tell(new ReplicatorProtocol.CompareAll($"{gone.Member.Address} is gone")));
        Receive<Refreshed>(done =>
        {
            done.Log(_log);
            _replicator.Tell(new ReplicatorProtocol.CompareAll(done.Why));
        });
    }

    protected override void PreStart() => Cluster.Get(Context.System).Subscribe(
        Self,
        ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents,
        typeof(ClusterEvent.MemberUp),
        typeof(ClusterEvent.MemberRemoved),
        typeof(ClusterEvent.ReachableMember));

    protected override void PostStop() => Cluster.Get(Context.System).Unsubscribe(Self);

    private void Read(ImmutableArray<RowChange> changes)
    {
        // when the database fails here everything is read anew once it is back: nobody has to hear of it
        _ = _database.Refresh(changes, CancellationToken.None).PipeTo(
            Sender, Self, () => new PeerProtocol.RowsRead(), _ => new PeerProtocol.RowsRead());
    }

    private void ReadAll(string why) => _ = _database.RefreshAll(CancellationToken.None).PipeTo(
        Self, success: () => new Refreshed(why, null), failure: failure => new Refreshed(why, failure));

    private sealed record Refreshed(string Why, Exception? Failure) : INoSerializationVerificationNeeded
    {
        public void Log(ILogger log)
        {
            if (Failure is null)
            {
                log.LogDebug("tables read anew: {Why}", Why);
            }
            else
            {
                log.LogWarning("tables were not read anew although {Why}: {Failure}", Why, Failure.Message);
            }
        }
    }
}
