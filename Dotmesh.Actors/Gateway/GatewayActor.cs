using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Filesystems;
using Dotmesh.Actors.Serialization;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Gateway;

/// <summary>
/// Sends commands to dots (design section 3): wraps them with node, epoch and deadline from the directory, never sends to a
/// node that is not up, follows a dot that moved, limits what is in flight, and always answers: at once and by name when the
/// node that has the command goes away.
/// </summary>
internal sealed class GatewayActor : ReceiveActor
{
    private const int MaxAttempts = 3;

    private readonly IActorRef _region;
    private readonly IDirectory _directory;
    private readonly TimeProvider _time;
    private readonly int _maxInFlight;
    private readonly ILogger _log;
    private readonly Membership _members;
    private readonly Func<FilesystemId, Refusal?> _databaseAway;
    private readonly DotmeshSerializer? _serializer;
    private readonly Dictionary<GatewayProtocol.Send, Sent> _sent = new(ReferenceEqualityComparer.Instance);

    /// <param name="databaseAway">When commands reach no dot because the database is away: that, and not the node, is to be named.</param>
    public GatewayActor(
        IActorRef region, IDirectory directory, Membership members, Func<FilesystemId, Refusal?> databaseAway, TimeProvider time, int maxInFlight,
        bool serialize, ILogger log)
    {
        _databaseAway = databaseAway;
        _region = region;
        _members = members;
        _directory = directory;
        _time = time;
        _maxInFlight = maxInFlight;
        _serializer = serialize ? new DotmeshSerializer((ExtendedActorSystem)Context.System) : null;
        _log = log;
        Receive<GatewayProtocol.Send>(Begin);
        Receive<GatewayProtocol.Answered>(answered => Handle(answered.Request, answered.Attempt, answered.Reply));
        Receive<DeadLetter>(Undelivered);
        Receive<ClusterEvent.UnreachableMember>(away => Lost(away.Member));
        Receive<ClusterEvent.MemberDowned>(away => Lost(away.Member));
        Receive<ClusterEvent.MemberRemoved>(away => Lost(away.Member));
    }

    protected override void PreStart()
    {
        Context.System.EventStream.Subscribe(Self, typeof(DeadLetter));
        Cluster.Get(Context.System).Subscribe(
            Self,
            ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents,
            typeof(ClusterEvent.UnreachableMember),
            typeof(ClusterEvent.MemberDowned),
            typeof(ClusterEvent.MemberRemoved));
    }

    protected override void PostStop()
    {
        Cluster.Get(Context.System).Unsubscribe(Self);
        foreach (var (request, sent) in _sent.ToList())
        {
            End(request, DotProtocol.Refused.From(sent.Attempt > 0 ? Refusals.NodeLost(sent.Node) : Refusals.NodeStopping()));
        }
    }

    private void Begin(GatewayProtocol.Send request)
    {
        if (_sent.Count >= _maxInFlight)
        {
            request.Answer.TrySetResult(DotProtocol.Refused.From(
                Refusals.Overloaded($"{_maxInFlight} requests are in flight on this node")));
            return;
        }

        _sent.Add(request, default);
        Telemetry.InFlight(1);
        Attempt(request, 1);
    }

    private void Attempt(GatewayProtocol.Send request, int attempt)
    {
        var left = request.Deadline - _time.GetUtcNow();
        if (left <= TimeSpan.Zero)
        {
            End(request, DotProtocol.Refused.From(attempt == 1 ? Refusals.ExpiredInQueue() : Refusals.Expired()));
        }
        else if (_directory.Find(request.Dot) is not { } row)
        {
            End(request, DotProtocol.Refused.From(Refusals.NoSuchFilesystem(request.Dot)));
        }
        else if (!_members.IsLive(row.Node))
        {
            End(request, DotProtocol.Refused.From(Refusals.NodeNotUp(row.Node)));
        }
        else
        {
            _sent[request] = new Sent(row.Node, attempt);
            var envelope = new DotEnvelope(
                request.Dot, row.Node, row.Epoch, request.Deadline, request.TraceParent, request.Command);
            _ = _region.Ask<DotProtocol.Reply>(AsSent(envelope), left).PipeTo(
                Self,
                success: reply => new GatewayProtocol.Answered(request, attempt, reply),
                failure: _ => new GatewayProtocol.Answered(request, attempt, null));
        }
    }

    private void Handle(GatewayProtocol.Send request, int attempt, DotProtocol.Reply? reply)
    {
        if (!_sent.TryGetValue(request, out var sent) || sent.Attempt != attempt)
        {
            // its node was lost meanwhile and the caller has been told
            return;
        }

        switch (reply is null ? null : AsSent(reply))
        {
            case null:
                End(request, DotProtocol.Refused.From(Refusals.Expired()));
                break;
            case DotProtocol.Moved or DotProtocol.NotDelivered when attempt < MaxAttempts:
                _log.LogDebug("dot {Dot}: {Reply}, sent again", request.Dot, reply);
                Attempt(request, attempt + 1);
                break;
            case DotProtocol.Moved or DotProtocol.NotDelivered:
                End(request, DotProtocol.Refused.From(_databaseAway(request.Dot) ?? Refusals.NotReached(request.Dot, sent.Node)));
                break;
            default:
                End(request, reply!);
                break;
        }
    }

    private void End(GatewayProtocol.Send request, DotProtocol.Reply reply)
    {
        _sent.Remove(request);
        Telemetry.InFlight(-1);
        request.Answer.TrySetResult(reply);
    }

    /// <summary>Whatever that member was doing: nobody waits for it until the deadline.</summary>
    private void Lost(Member member)
    {
        var node = DotSharding.NodeOf(member);
        if (_members.Live.TryGetValue(node ?? default, out var successor) && successor.UniqueAddress != member.UniqueAddress)
        {
            // an earlier process of that node: what was sent since went to the new one
            return;
        }

        foreach (var (request, sent) in _sent.Where(pair => pair.Value.Attempt > 0 && pair.Value.Node == node).ToList())
        {
            End(request, DotProtocol.Refused.From(Refusals.NodeLost(sent.Node)));
        }
    }

    /// <summary>A command that met a dot which just ended reached nobody: its sender may send it again.</summary>
    private static void Undelivered(DeadLetter dead)
    {
        if (dead.Message is DotEnvelope)
        {
            dead.Sender.Tell(new DotProtocol.NotDelivered());
        }
    }

    private T AsSent<T>(T message)
        where T : IDotmeshMessage =>
        _serializer is null
            ? message
            : (T)_serializer.FromBinary(_serializer.ToBinary(message), _serializer.Manifest(message));

    /// <param name="Attempt">From 1.</param>
    private readonly record struct Sent(StorageNodeId Node, int Attempt);
}

