using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Replication;

/// <summary>
/// Notices that a node is dead, takes it out of the cluster and gives its dots to the nodes with the newest copies (design D9,
/// decision 8). All nodes look, at each renewal of the own lease and when a lease is about to expire; the database decides, and
/// nobody is taken out before it has lost its lease there. Notices also that this node is in the wrong cluster.
/// </summary>
internal sealed class FailoverActor : ReceiveActor, IWithTimers
{
    /// <summary>A node that does not say in time what it holds is not chosen.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(2);

    private readonly DotEnvironment _env;
    private readonly NodeRegistry _registry;
    private readonly Membership _members;
    private readonly IReplicaLink _link;
    private readonly bool _automatic;
    private readonly HashSet<StorageNodeId> _manual = [];
    private readonly Action<string> _ended;
    private readonly Dictionary<StorageNodeId, HashSet<StorageNodeId>> _nothingTaken = [];
    private long? _alone;
    private bool _busy;

    /// <param name="ended">Told when this node has to begin anew.</param>
    public FailoverActor(
        DotEnvironment env, NodeRegistry registry, Membership members, IReplicaLink link, bool automatic, Action<string> ended)
    {
        _ended = ended;
        _env = env;
        _registry = registry;
        _members = members;
        _link = link;
        _automatic = automatic;
        Receive<Look>(_ => LookAround());
        Receive<Done>(_ => _busy = false);
        Receive<ClusterEvent.UnreachableMember>(_ => LookAround());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        var self = Self;
        _registry.Renewed = () => self.Tell(Look.Around, ActorRefs.NoSender);
        Cluster.Get(Context.System).Subscribe(Self, typeof(ClusterEvent.UnreachableMember));
    }

    protected override void PostStop() => Cluster.Get(Context.System).Unsubscribe(Self);

    private void LookAround()
    {
        LookForOthers();
        if (!_registry.MayJudge || _busy)
        {
            return;
        }

        _busy = true;
        _ = Judge().PipeTo(Self, success: () => default(Done), failure: Failed);
        var live = _members.Live;
        if (_registry.Known.Where(node => node.Id != _env.Node && !live.ContainsKey(node.Id)).Select(_registry.LeaseLeft)
            .Where(left => left > TimeSpan.Zero).ToList() is { Count: > 0 } soon)
        {
            Timers.StartSingleTimer("soon", Look.Around, soon.Min() + TimeSpan.FromMilliseconds(50));
        }
    }

    /// <summary>What is seen once may be old news; what is seen for a whole lease is not.</summary>
    private void LookForOthers()
    {
        if (_registry.IsOverdue || _members.Elsewhere(_registry) is not { } other)
        {
            _alone = null;
            return;
        }

        _alone ??= _env.Time.GetTimestamp();
        if (_env.Time.GetElapsedTime(_alone.Value) > _registry.Times.Ttl)
        {
            _ended($"it joined a cluster that is none any more: node {other.Id} at {other.Address} is up and not in it");
        }
    }

    private async Task Judge()
    {
        foreach (var (member, node, process) in _members.Suspects(_registry))
        {
            if (await _registry.PutOut(node, process, _env.Stopping))
            {
                _members.Down(member);
            }
        }

        var live = _members.Live;
        foreach (var dead in _registry.Known.Where(node =>
            node.Id != _env.Node && !live.ContainsKey(node.Id) && _registry.LeaseLeft(node) < TimeSpan.Zero && Concerns(node.Id)).ToList())
        {
            await TakeOver(dead.Id);
        }
    }

    /// <summary>There are dots to take, and by us.</summary>
    private bool Concerns(StorageNodeId node)
    {
        var dots = _env.Directory.Dots.Any(row => row.Node == node);
        if (dots && !_automatic && _manual.Add(node))
        {
            _env.Log.LogError(
                "Node {Node} is dead and Failover:Mode is manual: its dots are not available until it is back, or ForceBranchMasterById "
                + "gives them to another node", node);
        }

        return dots && _automatic;
    }

    private async Task TakeOver(StorageNodeId dead)
    {
        var dots = _env.Directory.Dots.Where(row => row.Node == dead && row.Status != DotStatus.Creating).ToList();
        var filesystems = dots.SelectMany(row => row.Filesystems).ToImmutableArray();
        var live = _members.Live.Keys.ToHashSet();
        if (_nothingTaken.TryGetValue(dead, out var asked) && asked.SetEquals(live))
        {
            return;
        }

        var held = await Held(filesystems);
        var chosen = TakeoverPlan.Choose(dots, held);
        if (chosen.IsEmpty)
        {
            if (held.Keys.ToHashSet().SetEquals(live))
            {
                // until somebody else comes, who may have a copy
                _nothingTaken[dead] = live;
            }

            return;
        }

        _nothingTaken.Remove(dead);

        var moved = await _env.Directory.TakeOver(dead, chosen, _env.Stopping);
        if (moved > 0)
        {
            _env.Log.LogWarning(
                "Node {Node} is dead: {Moved} of its {Dots} dots are controlled by {Nodes} now; the others have no copy",
                dead, moved, dots.Count, string.Join(", ", chosen.Select(node => $"{node.Key} ({node.Value.Count})")));
        }
    }

    private async Task<Dictionary<StorageNodeId, ImmutableArray<HeldFilesystem>>> Held(ImmutableArray<FilesystemId> filesystems)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_env.Stopping);
        limit.CancelAfter(AnswerLimit);
        var asked = await Task.WhenAll(_members.Live.Keys.Where(node => node != _env.Node).Select(async node =>
        {
            try
            {
                return (Node: node, Held: await _link.Held(node, filesystems, limit.Token));
            }
            catch (OperationCanceledException)
            {
                return (Node: node, Held: Refusals.NodeSilent(node, "in time"));
            }
        }));
        var held = asked.Where(answer => answer.Held.Refusal is null).ToDictionary(answer => answer.Node, answer => answer.Held.Value);
        held[_env.Node] = [.. filesystems.Where(_env.Index.Contains).Select(id => HeldFilesystem.Of(id, _env.Index))];
        return held;
    }

    private object Failed(Exception failure)
    {
        _env.Log.LogError("the dots of a dead node could not be taken over, tried again at the next renewal: {Failure}", failure.Message);
        return default(Done);
    }

    private sealed record Look : INoSerializationVerificationNeeded
    {
        public static readonly Look Around = new();
    }
}
