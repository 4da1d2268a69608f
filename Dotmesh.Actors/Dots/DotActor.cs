using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Persistence;
using Dotmesh.Actors.Filesystems;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// One dot on its controlling node (design D3). The mailbox only sorts: commands wait at a gate and then run as operations
/// beside it (<see cref="DotOperations"/>); events that those record are persisted and applied here; the state changes
/// nowhere else. After recovery, and after an operation that broke off, nothing runs before the dot is settled: compared
/// with the pool, and what was begun finished.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor ends in PostStop; its operations may hold the token longer.")]
internal sealed class DotActor : UntypedPersistentActor
{
    private readonly FilesystemId _id;
    private readonly DotEnvironment _env;
    private readonly DotOperations _operations;
    private readonly WorkGate<DotWork> _gate;
    private readonly CancellationTokenSource _stopping = new();
    private readonly JournalWrites _recording = new();
    private readonly Dictionary<FilesystemId, IActorRef> _filesystems = [];
    private volatile DotState _state = DotState.Absent;
    private bool _settled;
    private bool _settling;
    private bool _stopRequested;
    private JournalException? _over;
    private bool _unreadable;

    public DotActor(FilesystemId id, DotEnvironment env)
    {
        _id = id;
        _env = env;
        _operations = new DotOperations(new DotScope(id, env, Self, () => _state, _stopping.Token));
        _gate = new WorkGate<DotWork>(env.MaxQueued, work => work.RunsAlone);
        Telemetry.DotAwake(1);
    }

    public const string KindOfPersistenceId = "dot-";

    public static string PersistenceIdOf(FilesystemId dot) => $"{KindOfPersistenceId}{dot}";

    public override string PersistenceId => PersistenceIdOf(_id);

    // a dot has one event per commit and no snapshots: asking the snapshot store would only cost time
    public override Recovery Recovery => new(SnapshotSelectionCriteria.None);

    protected override void OnRecover(object message)
    {
        switch (message)
        {
            case DotEvents.Event happened:
                _state = _state.Apply(happened);
                break;
            case RecoveryCompleted:
                Next();
                break;
        }
    }

    /// <summary>Commands wait at the gate from the first one on, so that they get an answer when the journal cannot be read.</summary>
    protected override bool AroundReceive(Receive receive, object message)
    {
        if (!IsRecovering || message is not DotEnvelope envelope)
        {
            return base.AroundReceive(receive, message);
        }

        Accept(envelope);
        return true;
    }

    protected override void OnCommand(object message)
    {
        switch (message)
        {
            case DotEnvelope envelope:
                Accept(envelope);
                break;
            case DotScope.RecordEvent record:
                Write(record);
                break;
            case DotScope.OnFilesystem on:
                Filesystem(on.Filesystem).Tell(on.Run);
                break;
            case WorkEnded ended:
                _settled &= ended.Clean;
                _gate.Leave();
                Next();
                break;
            case SettleEnded ended:
                Settled(ended.Refusal);
                break;
            case StopDot:
                _stopRequested = true;
                Next();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        var fenced = JournalCollision.Is(cause);
        Telemetry.JournalFailed(fenced ? "fenced" : "error");
        _env.Log.LogError(cause, "dot {Dot}: event {Sequence} was not written ({Why}); this incarnation stops",
            _id, sequenceNr, fenced ? "another incarnation wrote it" : "the journal failed");
        _over = new JournalException(cause.Message, fenced, cause);
        _recording.Fail(_over);
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        _env.Log.LogError(cause, "dot {Dot}: the journal rejected event {Sequence}", _id, sequenceNr);
        _recording.Reject(cause);
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        _unreadable = true;
        _env.JournalTrouble.Unreadable(_id, reason);
    }

    protected override void PostStop()
    {
        Telemetry.DotAwake(-1);
        _recording.Fail(_over ?? new JournalException("stopped", false));
        _stopping.Cancel();
        foreach (var work in _gate.DrainWaiting())
        {
            work.ReplyTo.Tell(DotProtocol.Refused.From(WhyOver()));
        }

        base.PostStop();
    }

    private Refusal WhyOver() => this switch
    {
        { _unreadable: true } => Refusals.JournalUnreadable(_id),
        { _over.Fenced: true } => Refusals.Fenced(_id),
        _ => Refusals.Stopping(_id),
    };

    private void Accept(DotEnvelope envelope)
    {
        var row = _env.Directory.Find(_id);
        var owner = row?.Node ?? envelope.StorageNodeId;
        var epoch = row?.Epoch ?? envelope.Epoch;
        if (owner != _env.Node || epoch != envelope.Epoch)
        {
            Sender.Tell(new DotProtocol.Moved(owner, epoch));
        }
        else if (_settled && _state.Phase != DotPhase.Absent && _state.Epoch < epoch)
        {
            // it was controlled elsewhere since this actor read its journal: a new one reads it again
            Context.Parent.Tell(new Passivate(StopDot.Instance));
            Context.Parent.Forward(envelope);
        }
        else if (!_gate.TryAdd(new DotWork(envelope, Sender)))
        {
            Sender.Tell(DotProtocol.Refused.From(Refusals.Overloaded($"{_env.MaxQueued} requests wait for dot {_id}")));
        }
        else
        {
            Next();
        }
    }

    private void Next()
    {
        if (_settling || IsRecovering)
        {
            return;
        }

        if (!_settled)
        {
            if (_gate.NothingRuns && _gate.Waiting > 0)
            {
                _settling = true;
                _ = Task.Run(_operations.Settle).PipeTo(Self, success: refusal => new SettleEnded(refusal));
            }
            else if (_gate.Idle && _stopRequested)
            {
                Context.Stop(Self);
            }

            return;
        }

        while (_gate.Enter() is { } work)
        {
            Start(work);
        }

        if (_stopRequested && _gate.Idle)
        {
            Context.Stop(Self);
        }
    }

    private void Settled(Refusal? refusal)
    {
        _settling = false;
        _settled = refusal is null;
        if (refusal is not null)
        {
            foreach (var work in _gate.DrainWaiting())
            {
                work.ReplyTo.Tell(DotProtocol.Refused.From(refusal));
            }
        }

        Next();
    }

    private void Start(DotWork work)
    {
        // the answer goes out from the operation itself, so that it is given even if this actor ends first
        // and it begins on this thread, up to its first wait, so that work reaches a filesystem in the order of arrival
        _ = Run(work).PipeTo(Self, success: clean => new WorkEnded(clean), failure: _ => new WorkEnded(false));
    }

    private async Task<bool> Run(DotWork work)
    {
        var began = _env.Time.GetTimestamp();
        using var activity = Telemetry.Activities.StartActivity(
            $"dot {work.Name}", ActivityKind.Server, work.Envelope.TraceParent);
        activity?.SetTag("dotmesh.dot", _id.Value);
        var end = await _operations.Run(work.Envelope);
        Telemetry.Command(work.Name, end.Reply is DotProtocol.Refused refused ? refused.Code.ToString() : "ok",
            _env.Time.GetElapsedTime(began));
        // beside: what is done now waits for work of this dot, which has to be let in first
        _ = Answer(work.ReplyTo, end);
        return end.Clean;
    }

    private async Task Answer(IActorRef to, OperationEnd end) => to.Tell(await end.Answer(_env.Log), ActorRefs.NoSender);

    private void Write(DotScope.RecordEvent record)
    {
        _recording.Begin(record.Written);
        PersistAsync(record.Happened, happened =>
        {
            var before = _state.Phase;
            _state = _state.Apply(happened);
            if (before != _state.Phase)
            {
                _env.Log.LogInformation("dot {Dot}: {From}=>{To}", _id, before, _state.Phase);
            }

            _recording.Succeed();
            if (record.TellOthers)
            {
                _env.Changed(_id);
            }
        });
    }

    private IActorRef Filesystem(FilesystemId filesystem)
    {
        if (!_filesystems.TryGetValue(filesystem, out var actor))
        {
            actor = Context.ActorOf(
                Props.Create(() => new FilesystemActor(filesystem, _env.States, _env.Time)), filesystem.Value);
            _filesystems.Add(filesystem, actor);
        }

        return actor;
    }

    private sealed record DotWork(DotEnvelope Envelope, IActorRef ReplyTo)
    {
        public string Name => Envelope.Payload.GetType().Name;

        public bool RunsAlone => Envelope.Payload is not (DotProtocol.Commit or DotProtocol.Mount
            or DotProtocol.MountCommit or DotProtocol.PredictSize or DotProtocol.Receive);
    }

    private sealed record WorkEnded(bool Clean) : INoSerializationVerificationNeeded;

    private sealed record SettleEnded(Refusal? Refusal) : INoSerializationVerificationNeeded;
}

/// <summary>Tells the journal's compare-and-swap from its other failures.</summary>
internal static class JournalCollision
{
    private const int SqliteConstraint = 19;

    /// <summary>True when another incarnation had written the sequence number (SQLite, PostgreSQL).</summary>
    public static bool Is(Exception? cause) => cause switch
    {
        null => false,
        AggregateException several => several.InnerExceptions.Any(Is),
        Microsoft.Data.Sqlite.SqliteException { SqliteErrorCode: SqliteConstraint } => true,
        System.Data.Common.DbException { SqlState: "23505" } => true,
        _ => Is(cause.InnerException),
    };
}
