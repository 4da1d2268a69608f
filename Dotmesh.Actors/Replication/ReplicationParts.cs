using Akka.Actor;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Replication;

/// <summary>The parts of one node that keep copies, put together.</summary>
internal sealed class ReplicationParts
{
    public required IActorRef Replicator { get; init; }

    public required ReplicaAnswers Answers { get; init; }

    /// <param name="adopt">As <see cref="ReplicaAnswers"/>.</param>
    /// <param name="giveBack">As <see cref="HandingIn"/>.</param>
    public static ReplicationParts Start(
        ActorSystem system, DotEnvironment env, Membership members, ClusterParts parts,
        Func<FilesystemId, FilesystemId, CancellationToken, Task<Outcome<Done>>> adopt, GiveBack giveBack)
    {
        var link = parts.Replicas;
        var settings = parts.Replication;
        var handingIn = new HandingIn(env, link, giveBack);
        var sync = new ReplicaSync(env, link, handingIn);
        var replicator = system.ActorOf(
            Props.Create(() => new ReplicatorActor(
                env, members, link, sync, settings, env.Stopping)),
            "replicator");
        env.Link = link;
        env.Fenced = () => parts.Registry.IsOverdue ? Refusals.LeaseOverdue(env.Node) : null;
        system.ActorOf(
            Props.Create(() => new FailoverActor(env, parts.Registry, members, link, parts.AutomaticFailover, parts.Ended)), "failover");
        if (env.Storage.Capabilities.Features.GetValueOrDefault(StorageCapabilities.ClosesToWriters))
        {
            system.ActorOf(Props.Create(() => new WriteFenceActor(env, parts.Registry, members)), "write-fence");
        }

        env.Changed = dot => members.TellOthers(new PeerProtocol.DotChanged(dot));
        env.Directory.Watch(dot => replicator.Tell(new ReplicatorProtocol.Changed(dot), ActorRefs.NoSender));
        return new ReplicationParts
        {
            Replicator = replicator,
            Answers = new ReplicaAnswers(env, handingIn, link, replicator, adopt),
        };
    }
}
