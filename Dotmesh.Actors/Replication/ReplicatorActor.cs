using Akka.Actor;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Dots;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Replication;

/// <summary>
/// Keeps this node's copies of other nodes' dots current (design D8): what changed waits in one queue, oldest first, and so many
/// are copied at once; a dot that changes while it is copied is copied once more afterwards. News come by message; what was
/// missed is found by comparing with each node, when it appears and from time to time. One timer for all that failed.
/// </summary>
internal sealed class ReplicatorActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);

    private readonly DotEnvironment _env;
    private readonly Membership _members;
    private readonly IReplicaLink _link;
    private readonly ReplicaSync _sync;
    private readonly ReplicationSettings _settings;
    private readonly CancellationToken _stopping;

    private readonly Queue<FilesystemId> _waiting = new();
    private readonly HashSet<FilesystemId> _queued = [];
    private readonly Dictionary<FilesystemId, (StorageNodeId? From, CancellationTokenSource Cancel)> _running = [];
    private readonly HashSet<FilesystemId> _failed = [];
    private readonly Dictionary<FilesystemId, List<ReplicatorProtocol.SyncNow>> _asked = [];
    private readonly Dictionary<FilesystemId, List<ReplicatorProtocol.SyncNow>> _answering = [];

    public ReplicatorActor(
        DotEnvironment env, Membership members, IReplicaLink link, ReplicaSync sync, ReplicationSettings settings,
        CancellationToken stopping)
    {
        _env = env;
        _members = members;
        _link = link;
        _sync = sync;
        _settings = settings;
        _stopping = stopping;
        Receive<ReplicatorProtocol.Changed>(changed => Consider(changed.Dot));
        Receive<ReplicatorProtocol.SyncNow>(Ask);
        Receive<ReplicatorProtocol.Synced>(Ended);
        Receive<ReplicatorProtocol.CompareAll>(compare => CompareAll(compare.Why));
        Receive<ReplicatorProtocol.Compared>(Compared);
        Receive<ReplicatorProtocol.Retry>(_ => RetryFailed());
        Receive<ReplicatorProtocol.Sweep>(_ => CompareAll("from time to time"));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() =>
        Timers.StartPeriodicTimer("sweep", ReplicatorProtocol.Sweep.Instance, TimeSpan.FromSeconds(1), SweepEvery);

    protected override void PostStop()
    {
        foreach (var asked in _asked.Values.Concat(_answering.Values).SelectMany(asked => asked))
        {
            asked.Answer.TrySetResult(Refusals.NodeStopping());
        }
    }

    private void Consider(FilesystemId dot)
    {
        if (_running.TryGetValue(dot, out var running) && running.From != _env.Directory.Find(dot)?.Node)
        {
            // the node it copies from does not control the dot any more, and may never answer; who controls it now waits for the end
            running.Cancel.Cancel();
        }

        if (IsWanted(dot))
        {
            Enqueue(dot);
        }
    }

    /// <summary>To be held here; or held here and to be handed in, or gone.</summary>
    private bool IsWanted(FilesystemId dot)
    {
        if (_env.Directory.Find(dot) is not { } row)
        {
            return _env.Index.OfDot(dot).Count > 0;
        }

        return row.Node != _env.Node
            && (ReplicaPlacement.IsHolder(_env.Node, dot, row.Node, CopiesOf(row.Copies), Nodes())
                || _env.Index.OfDot(dot).Any(id => _env.Index.LabelsOf(id) is { Replica: false }));
    }

    private List<StorageNodeId> Nodes() => [.. _members.Live.Keys.Append(_env.Node).Distinct()];

    private int CopiesOf(int ofDot) => ofDot > 0 ? ofDot : _settings.Copies;

    private void Enqueue(FilesystemId dot)
    {
        if (_queued.Add(dot))
        {
            _waiting.Enqueue(dot);
        }

        Next();
    }

    private void Ask(ReplicatorProtocol.SyncNow asked)
    {
        if (!_asked.TryGetValue(asked.Dot, out var others))
        {
            _asked[asked.Dot] = others = [];
        }

        others.Add(asked);
        Enqueue(asked.Dot);
    }

    private void Next()
    {
        // one that runs already keeps its place in the queue and is passed over
        for (var looked = _waiting.Count; looked > 0 && _running.Count < _settings.AtOnce; looked--)
        {
            var dot = _waiting.Dequeue();
            if (_running.ContainsKey(dot))
            {
                _waiting.Enqueue(dot);
                continue;
            }

            _queued.Remove(dot);
            var cancel = CancellationTokenSource.CreateLinkedTokenSource(_stopping);
            _running.Add(dot, (_env.Directory.Find(dot)?.Node, cancel));
            if (_asked.Remove(dot, out var asked))
            {
                _answering[dot] = asked;
            }

            _ = Task.Run(() => _sync.Run(dot, cancel.Token), CancellationToken.None).PipeTo(
                Self,
                success: outcome => new ReplicatorProtocol.Synced(dot, outcome),
                failure: failure =>
                {
                    _env.Log.LogWarning(failure, "copy of dot {Dot} broke off", dot);
                    return new ReplicatorProtocol.Synced(dot, new Refusal(RefusalCode.Unavailable, failure.Message));
                });
        }
    }

    private void Ended(ReplicatorProtocol.Synced ended)
    {
        _running.Remove(ended.Dot, out var run);
        run.Cancel.Dispose();
        var failed = ended.Outcome.Refused(out var refusal);
        if (failed)
        {
            _env.Log.LogInformation("copy of dot {Dot}: {Refusal}", ended.Dot, refusal);
            _failed.Add(ended.Dot);
            Timers.StartSingleTimer("retry", ReplicatorProtocol.Retry.Instance, RetryAfter);
        }
        else
        {
            _failed.Remove(ended.Dot);
        }

        if (_answering.Remove(ended.Dot, out var asked))
        {
            // what broke off on the way is tried again before it is anybody's refusal
            var again = refusal?.Code == RefusalCode.Unavailable ? asked.FindAll(one => one.TriesLeft-- > 0) : [];
            asked.Except(again).ToList().ForEach(one => one.Answer.TrySetResult(ended.Outcome));
            if (again.Count > 0)
            {
                _asked[ended.Dot] = [.. _asked.GetValueOrDefault(ended.Dot) ?? [], .. again];
            }
        }

        Next();
    }

    private void RetryFailed()
    {
        var again = _failed.ToList();
        _failed.Clear();
        again.ForEach(Consider);
    }

    private void CompareAll(string why)
    {
        _env.Log.LogDebug("comparing copies with all nodes: {Why}", why);
        foreach (var gone in _env.Index.All.Select(id => _env.Index.LabelsOf(id)?.Dot).OfType<FilesystemId>()
            .Where(dot => _env.Directory.Find(dot) is null).Distinct().ToList())
        {
            Enqueue(gone);
        }

        foreach (var node in _members.Live.Keys.Where(node => node != _env.Node))
        {
            _ = Compare(node).PipeTo(Self);
        }
    }

    private async Task<ReplicatorProtocol.Compared> Compare(StorageNodeId node)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        try
        {
            return new ReplicatorProtocol.Compared(node, await _link.Controlled(node, limit.Token));
        }
        catch (OperationCanceledException)
        {
            return new ReplicatorProtocol.Compared(node, Refusals.NodeSilent(node, "in time"));
        }
    }

    private void Compared(ReplicatorProtocol.Compared compared)
    {
        if (compared.Outcome.Refused(out var refusal))
        {
            _env.Log.LogInformation("could not compare copies with node {Node}: {Refusal}", compared.Node, refusal);
            return;
        }

        foreach (var there in compared.Outcome.Value.Where(there => DotVersion.Of(there.Dot, _env.Index) != there))
        {
            Consider(there.Dot);
        }
    }
}

/// <summary>How a cluster keeps copies (design D8).</summary>
/// <param name="Copies">Of each dot that says nothing else, the controlling node's included; 0: on every node.</param>
/// <param name="AtOnce">Dots that a node copies at the same time.</param>
public sealed record ReplicationSettings(int Copies, int AtOnce)
{
    public static readonly ReplicationSettings Default = new(ReplicaPlacement.All, 4);
}
