using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Persistence;
using Dotmesh.Actors.Dots;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// One transfer on the node that controls its dot (design D11): its events are written here, the run itself is beside the mailbox
/// (<see cref="TransferRun"/>). The row in the database follows: after each event, and once a second while bytes move. Ends with the run, or when its
/// journal does; what was not over then is gone on with by whoever controls the dot (<see cref="TransfersActor"/>).
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor ends in PostStop; its run may hold the token longer.")]
internal sealed class TransferActor : UntypedPersistentActor
{
    private readonly TransferRow _row;
    private readonly TransferParts _parts;
    private readonly CancellationTokenSource _ending;
    private readonly CancellationTokenSource _stopped = new();
    private readonly JournalWrites _recording = new();
    private readonly List<TaskCompletionSource> _cancelling = [];
    private volatile TransferState _state = TransferState.Unknown;
    private volatile string? _cancelledBy;
    private bool _saving;
    private bool _unsaved;
    private bool _over;

    public TransferActor(TransferRow row, TransferParts parts)
    {
        _row = row;
        _parts = parts;
        _ending = CancellationTokenSource.CreateLinkedTokenSource(parts.Env.Stopping);
    }

    public static string PersistenceIdOf(string transfer) => $"transfer-{transfer}";

    public override string PersistenceId => PersistenceIdOf(_row.Id);

    public override Recovery Recovery => new(SnapshotSelectionCriteria.None);

    protected override void OnRecover(object message)
    {
        switch (message)
        {
            case TransferEvents.Event happened:
                _state = _state.Apply(happened);
                break;
            case RecoveryCompleted:
                Start();
                break;
        }
    }

    protected override void OnCommand(object message)
    {
        switch (message)
        {
            case TransferScope.RecordEvent record:
                Write(record);
                break;
            case TransferScope.Moved moved:
                Moved(moved.Bytes);
                break;
            case TransfersProtocol.Cancel cancel:
                _cancelledBy ??= cancel.By;
                _cancelling.Add(cancel.Ended);
                _ending.Cancel();
                break;
            case RunEnded:
                _over = true;
                Save();
                break;
            case Saved saved:
                Stored(saved.Failure);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        var fenced = JournalCollision.Is(cause);
        _parts.Env.Log.LogError(cause, "transfer {Transfer}: event {Sequence} was not written ({Why}); its run ends here",
            _row.Id, sequenceNr, fenced ? "another node runs it" : "the journal failed");
        _recording.Fail(new JournalException(cause.Message, fenced, cause));
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        _parts.Env.Log.LogError(cause, "transfer {Transfer}: the journal rejected event {Sequence}", _row.Id, sequenceNr);
        _recording.Reject(cause);
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null) =>
        _parts.Env.Log.LogWarning("transfer {Transfer}: its journal cannot be read now ({Reason}); tried again", _row.Id, reason.Message);

    protected override void PostStop()
    {
        _recording.Fail(new JournalException("stopped", false));
        _stopped.Cancel();
        _ending.Cancel();
        _cancelling.ForEach(cancelled => cancelled.TrySetResult());
        base.PostStop();
    }

    private void Start()
    {
        if (_state.IsOver && (_state.Record!.IsDone || _row.Record.Phase != TransferPhase.Starting))
        {
            // over before its row said so; one that is asked for again has a row that begins anew
            _over = true;
            Save();
            return;
        }

        var scope = new TransferScope(_row, Self, () => _state, () => _cancelledBy, _ending.Token, _stopped.Token);
        var run = new TransferRun(scope, _parts);
        _ = Task.Run(run.Go).PipeTo(Self, success: () => RunEnded.Instance, failure: _ => RunEnded.Instance);
    }

    private void Write(TransferScope.RecordEvent record)
    {
        _recording.Begin(record.Written);
        PersistAsync(record.Happened, happened =>
        {
            _state = _state.Apply(happened);
            _recording.Succeed();
            Save();
        });
    }

    private void Moved(long bytes)
    {
        var before = _state;
        if (before.Record is null)
        {
            return;
        }

        _state = before.Progress(bytes, _parts.Now);
        if (!ReferenceEquals(_state.Record, before.Record))
        {
            Save();
        }
    }

    /// <summary>One at a time, and the newest of what is waiting.</summary>
    private void Save()
    {
        if (_state.Record is not { } record)
        {
            Context.Stop(Self);
            return;
        }

        if (_saving)
        {
            _unsaved = true;
            return;
        }

        (_saving, _unsaved) = (true, false);
        _ = _parts.Tables.Save(record, _parts.Env.Node, !_state.IsOver, CancellationToken.None)
            .PipeTo(Self, success: () => new Saved(null), failure: why => new Saved(why));
    }

    private void Stored(Exception? failure)
    {
        _saving = false;
        if (failure is not null)
        {
            _parts.Env.Log.LogWarning("transfer {Transfer}: its row was not written: {Why}", _row.Id, failure.Message);
        }

        if (_unsaved)
        {
            Save();
        }
        else if (_over)
        {
            // a row that could not be written says that it runs: it is looked at again, and written then
            Context.Stop(Self);
        }
    }

    private sealed class RunEnded : INoSerializationVerificationNeeded
    {
        public static readonly RunEnded Instance = new();
    }

    private sealed record Saved(Exception? Failure) : INoSerializationVerificationNeeded;
}

/// <summary>The doors of one transfer actor for its run.</summary>
/// <param name="cancelledBy">User id of who ended it; null: nobody did.</param>
/// <param name="stopped">When nobody is there any more who writes events.</param>
internal sealed class TransferScope(
    TransferRow row, IActorRef actor, Func<TransferState> state, Func<string?> cancelledBy, CancellationToken ending,
    CancellationToken stopped)
{
    public TransferRow Row => row;

    public TransferState State => state();

    public TransferRecord Record => State.Record!;

    public string? CancelledBy => cancelledBy();

    /// <summary>Ends with the node, and when somebody cancels the transfer.</summary>
    public CancellationToken Ending => ending;

    /// <summary>Persists and applies. Throws <see cref="JournalException"/>; after that the actor is gone.</summary>
    public async Task Write(TransferEvents.Event happened)
    {
        var request = new RecordEvent(happened);
        actor.Tell(request, ActorRefs.NoSender);
        try
        {
            await JournalWrites.Done(request.Written, stopped);
        }
        catch (OperationCanceledException)
        {
            throw new JournalException("stopped", false);
        }
    }

    /// <summary>Bytes of the segment that went over so far; must not wait.</summary>
    public void Progress(long bytes) => actor.Tell(new Moved(bytes), ActorRefs.NoSender);

    internal sealed record RecordEvent(TransferEvents.Event Happened) : INoSerializationVerificationNeeded
    {
        public TaskCompletionSource Written { get; } = JournalWrites.New();
    }

    internal sealed record Moved(long Bytes) : INoSerializationVerificationNeeded;
}
