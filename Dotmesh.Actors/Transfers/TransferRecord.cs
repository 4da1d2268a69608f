namespace Dotmesh.Actors.Transfers;

/// <summary>Where a transfer is.</summary>
public enum TransferPhase
{
    /// <summary>The record was just made.</summary>
    Starting,

    /// <summary>Paths, registrations and lists of commits go back and forth; also between two segments.</summary>
    SyncingMetadata,

    /// <summary>What is to be sent in the segment is known, its size is not yet.</summary>
    CalculatingSize,

    /// <summary>Data is on its way: <c>pushing</c> or <c>pulling</c>.</summary>
    Streaming,

    /// <summary>A try of the segment failed, the next one comes; <see cref="TransferRecord.Message"/> says why.</summary>
    Retrying,

    /// <summary>The segment is complete. The transfer is when it was the last segment.</summary>
    Finished,

    /// <summary>The transfer was given up; <see cref="TransferRecord.Message"/> says why.</summary>
    Failed,
}

/// <summary>
/// What can be asked of a transfer while it runs and afterwards, the state behind <c>TransferPollResult</c> (contract 3.4). Immutable;
/// the methods are the only way from one phase to another, and throw on a way that there is not. Time is passed in. It has no member for
/// the peer's secret (design D16). On an error all fields stay; the original's record of an error had lost them.
/// </summary>
public sealed record TransferRecord
{
    /// <summary>The segment is tried so often (contract 6.3).</summary>
    public const int MostTries = 5;

    /// <summary>Longer messages are cut: they may hold what a peer sent.</summary>
    public const int LongestMessage = 8192;

    private static readonly TimeSpan BetweenProgress = TimeSpan.FromSeconds(1);

    internal TransferRecord()
    {
    }

    public required string Id { get; init; }

    public required string Peer { get; init; }

    public required string User { get; init; }

    public required TransferDirection Direction { get; init; }

    public required DotName Local { get; init; }

    public required string LocalBranch { get; init; }

    public required string RemoteNamespace { get; init; }

    public required string RemoteName { get; init; }

    public required string RemoteBranch { get; init; }

    /// <summary>The node that was asked for the transfer.</summary>
    public required StorageNodeId Initiator { get; init; }

    public TransferPhase Phase { get; internal init; }

    /// <summary>Of the current segment; null before the first one.</summary>
    public FilesystemId? Filesystem { get; internal init; }

    /// <summary>Null until it is known what is to be sent in the segment.</summary>
    public StreamStart? StartingCommit { get; internal init; }

    /// <inheritdoc cref="StartingCommit"/>
    public CommitId? TargetCommit { get; internal init; }

    /// <summary>Of the current segment, from 1; 0 before the first one.</summary>
    public int Index { get; internal init; }

    /// <summary>Segments; 0 until the path is known.</summary>
    public int Total { get; internal init; }

    /// <summary>The failed try, 1 to <see cref="MostTries"/>, while <see cref="TransferPhase.Retrying"/>.</summary>
    public int FailedTry { get; internal init; }

    /// <summary>Predicted bytes of the segment's stream.</summary>
    public long SizeBytes { get; internal init; }

    /// <summary>Uncompressed bytes of prelude and stream that went over in this try, never more than <see cref="SizeBytes"/>.</summary>
    public long SentBytes { get; internal init; }

    /// <summary>Since the segment began, as of the last change.</summary>
    public TimeSpan Elapsed { get; internal init; }

    public string Message { get; internal init; } = "";

    /// <summary>The text of contract 3.4.</summary>
    public string Status => Phase switch
    {
        TransferPhase.Starting => "starting",
        TransferPhase.SyncingMetadata => "syncing metadata",
        TransferPhase.CalculatingSize => "calculating size",
        TransferPhase.Streaming => Direction == TransferDirection.Push ? "pushing" : "pulling",
        TransferPhase.Retrying => $"retry {FailedTry}",
        TransferPhase.Finished => "finished",
        TransferPhase.Failed => "error",
        _ => throw new InvalidOperationException($"transfer {Id}: no text for phase {Phase}"),
    };

    public bool IsDone => Phase == TransferPhase.Finished && Index == Total;

    public bool HasFailed => Phase == TransferPhase.Failed;

    /// <summary>When the current segment began, and when the record last changed; of no use but to go on from.</summary>
    internal DateTimeOffset SegmentBegan { get; init; }

    internal DateTimeOffset Shown { get; init; }

    public static TransferRecord Begin(string id, TransferRequest request, StorageNodeId initiator, DateTimeOffset now) => new()
    {
        Id = id,
        Peer = request.Peer,
        User = request.User,
        Direction = request.Direction,
        Local = request.Local,
        LocalBranch = request.LocalBranch,
        RemoteNamespace = request.RemoteNamespace,
        RemoteName = request.RemoteName,
        RemoteBranch = request.RemoteBranch,
        Initiator = initiator,
        SegmentBegan = now,
        Shown = now,
    };

    /// <summary>Of a push that another cluster is about to begin here: which stream comes.</summary>
    public TransferRecord Announce(
        FilesystemId filesystem, StreamStart from, CommitId to, int index, int total, long sizeBytes) => this with
        {
            Phase = TransferPhase.Streaming,
            Filesystem = filesystem,
            StartingCommit = from,
            TargetCommit = to,
            Index = index,
            Total = total,
            SizeBytes = sizeBytes,
        };

    /// <summary>Somebody asks for it once more after it was given up.</summary>
    public TransferRecord AskAgain(DateTimeOffset now) => Move(TransferPhase.Starting, now, HasFailed);

    /// <summary>It is run from its beginning: for the first time, after its node ended, or because somebody asked for it once more.</summary>
    public TransferRecord Restart(DateTimeOffset now) => Move(TransferPhase.SyncingMetadata, now, !IsDone).In(null, 0, 0, now);

    /// <summary>Before the first segment, and when the commits of a segment are compared anew after a failed try.</summary>
    public TransferRecord SyncMetadata(DateTimeOffset now) =>
        Move(TransferPhase.SyncingMetadata, now, Phase is TransferPhase.Starting or TransferPhase.Retrying);

    /// <summary>The next segment begins: what belongs to the last one is gone.</summary>
    public TransferRecord Enter(TransferSegment segment, DateTimeOffset now) =>
        Move(
            TransferPhase.SyncingMetadata,
            now,
            (Index == 0 ? Phase == TransferPhase.SyncingMetadata : Phase == TransferPhase.Finished && Total == segment.Total)
            && segment.Index == Index + 1 && segment.Index <= segment.Total)
        .In(segment.Filesystem, segment.Index, segment.Total, now);

    public TransferRecord CalculateSize(StreamStart from, CommitId to, DateTimeOffset now) =>
        Move(TransferPhase.CalculatingSize, now, Index > 0 && Phase is TransferPhase.SyncingMetadata or TransferPhase.Retrying) with
        {
            StartingCommit = from,
            TargetCommit = to,
            SizeBytes = 0,
            SentBytes = 0,
        };

    public TransferRecord Stream(long sizeBytes, DateTimeOffset now) =>
        Move(TransferPhase.Streaming, now, Phase == TransferPhase.CalculatingSize) with { SizeBytes = Math.Max(0, sizeBytes) };

    /// <summary>
    /// Bytes that went over so far. The same record when the last change is less than a second ago, unless these are the
    /// <paramref name="last"/> ones; and in every other phase, because the count may come after the end of what was counted.
    /// </summary>
    public TransferRecord Progress(long sentBytes, DateTimeOffset now, bool last = false) =>
        Phase != TransferPhase.Streaming || (!last && (now - Shown).Duration() < BetweenProgress)
            ? this
            : At(now) with { SentBytes = Math.Clamp(sentBytes, SentBytes, Math.Max(SentBytes, SizeBytes)) };

    /// <summary>A try of the segment failed and there will be another one.</summary>
    public TransferRecord Retry(int failedTry, string why, DateTimeOffset now) =>
        Move(
            TransferPhase.Retrying,
            now,
            failedTry is >= 1 and <= MostTries
            && Phase is TransferPhase.SyncingMetadata or TransferPhase.CalculatingSize or TransferPhase.Streaming) with
        {
            FailedTry = failedTry,
            Message = Cut(why),
        };

    /// <param name="message">Why there was nothing to do; empty when the data was moved.</param>
    public TransferRecord FinishSegment(string message, DateTimeOffset now) =>
        Move(TransferPhase.Finished, now, Index > 0 && Phase is TransferPhase.SyncingMetadata or TransferPhase.Streaming) with
        {
            Message = Cut(message),
        };

    /// <summary>On the side that is pushed to: what was announced of the segment has come.</summary>
    public TransferRecord Arrived(long sentBytes, DateTimeOffset now) => At(now) with
    {
        Phase = TransferPhase.Finished,
        FailedTry = 0,
        SizeBytes = Math.Max(SizeBytes, sentBytes),
        SentBytes = Math.Max(SizeBytes, sentBytes),
        Message = "",
    };

    public TransferRecord Fail(string why, DateTimeOffset now) =>
        Move(TransferPhase.Failed, now, !IsDone && !HasFailed) with { Message = Cut(why) };

    /// <summary>In another segment, or in none: nothing of it has gone over yet.</summary>
    private TransferRecord In(FilesystemId? filesystem, int index, int total, DateTimeOffset now) => this with
    {
        Index = index,
        Total = total,
        Filesystem = filesystem,
        StartingCommit = null,
        TargetCommit = null,
        SizeBytes = 0,
        SentBytes = 0,
        Elapsed = TimeSpan.Zero,
        SegmentBegan = now,
    };

    private TransferRecord Move(TransferPhase to, DateTimeOffset now, bool allowed) => allowed
        ? At(now) with { Phase = to, FailedTry = 0, Message = "" }
        : throw new InvalidOperationException($"transfer {Id}: there is no way from {Phase} (segment {Index} of {Total}) to {to}");

    /// <summary>A clock that was set back must not make the segment shorter.</summary>
    private TransferRecord At(DateTimeOffset now) => this with
    {
        Shown = now,
        Elapsed = Index > 0 && now - SegmentBegan > Elapsed ? now - SegmentBegan : Elapsed,
    };

    private static string Cut(string message) => message.Length <= LongestMessage ? message : $"{message[..(LongestMessage - 4)]} ...";
}
