namespace Dotmesh.Actors.Transfers;

/// <summary>What the events of a transfer add up to. Immutable; <see cref="Apply"/> is the only way forward.</summary>
/// <param name="Record">Null before the first event.</param>
/// <param name="Runs">How often it was begun.</param>
internal sealed record TransferState(TransferRecord? Record, int Runs)
{
    public static readonly TransferState Unknown = new(null, 0);

    /// <summary>It is complete, or was given up.</summary>
    public bool IsOver => Record is { } record && (record.IsDone || record.HasFailed);

    public TransferState Apply(TransferEvents.Event happened) => happened switch
    {
        TransferEvents.Asked e => new TransferState(e.Record.Read(), 0),
        TransferEvents.Begun e => With(record => record.Restart(e.At)) with { Runs = Runs + 1 },
        TransferEvents.SegmentEntered e => With(record => record.Enter(
            new TransferSegment(e.Index, e.Total, e.Filesystem, "", null, null), e.At)),
        TransferEvents.RangeChosen e => With(record => record.CalculateSize(StreamStart.Parse(e.From).Value, e.To, e.At)),
        TransferEvents.StreamBegun e => With(record => record.Stream(e.SizeBytes, e.At)),
        TransferEvents.TryFailed e => With(record => record.Retry(e.Try, e.Why, e.At)),
        TransferEvents.Compared e => With(record => record.SyncMetadata(e.At)),
        TransferEvents.SegmentFinished e => With(record =>
            record.Progress(e.SentBytes, e.At, last: true).FinishSegment(e.Message, e.At)),
        TransferEvents.Failed e => With(record => record.Fail(e.Why, e.At)),
        _ => throw new InvalidOperationException($"transfer {Record?.Id}: no meaning for the event {happened.GetType().Name}"),
    };

    /// <summary>Of this run and not stored.</summary>
    public TransferState Progress(long sentBytes, DateTimeOffset now) => With(record => record.Progress(sentBytes, now));

    private TransferState With(Func<TransferRecord, TransferRecord> change) => this with
    {
        Record = change(Record ?? throw new InvalidOperationException("the first event of a transfer says what was asked for")),
    };
}
