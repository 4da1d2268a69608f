using Dotmesh.Actors.Serialization;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// What happened to a transfer: its journal, from which another node goes on with it (design D11). Progress within a segment is no
/// event. Stored for ever: a type is never changed in meaning, only followed by a new version with its own manifest.
/// </summary>
public static class TransferEvents
{
    public abstract record Event(DateTimeOffset At) : IDotmeshMessage;

    /// <param name="Record">As it was made from the request.</param>
    public sealed record Asked(StoredRecord Record, string By, DateTimeOffset At) : Event(At);

    /// <summary>A node runs it from its beginning; what is complete already is passed over.</summary>
    public sealed record Begun(StorageNodeId Node, DateTimeOffset At) : Event(At);

    public sealed record SegmentEntered(int Index, int Total, FilesystemId Filesystem, DateTimeOffset At) : Event(At);

    /// <param name="From"><see cref="StreamStart"/> as text.</param>
    public sealed record RangeChosen(string From, CommitId To, DateTimeOffset At) : Event(At);

    public sealed record StreamBegun(long SizeBytes, DateTimeOffset At) : Event(At);

    public sealed record TryFailed(int Try, string Why, DateTimeOffset At) : Event(At);

    /// <summary>The commits of the segment are compared once more.</summary>
    public sealed record Compared(DateTimeOffset At) : Event(At);

    public sealed record SegmentFinished(string Message, long SentBytes, DateTimeOffset At) : Event(At);

    public sealed record Failed(string Why, DateTimeOffset At) : Event(At);
}

/// <summary>A <see cref="TransferRecord"/> as it is stored; see there.</summary>
public sealed record StoredRecord(
    string Id, string Peer, string User, string Direction, DotName Local, string LocalBranch, string RemoteNamespace, string RemoteName,
    string RemoteBranch, StorageNodeId Initiator, string Phase, FilesystemId? Filesystem, string? From, CommitId? To, int Index, int Total,
    int FailedTry, long SizeBytes, long SentBytes, long ElapsedTicks, string Message, DateTimeOffset SegmentBegan, DateTimeOffset Shown)
{
    public static StoredRecord Of(TransferRecord record) => new(
        record.Id, record.Peer, record.User, record.Direction.Text(), record.Local, record.LocalBranch, record.RemoteNamespace,
        record.RemoteName, record.RemoteBranch, record.Initiator, $"{record.Phase}", record.Filesystem, record.StartingCommit?.ToString(),
        record.TargetCommit, record.Index, record.Total, record.FailedTry, record.SizeBytes, record.SentBytes, record.Elapsed.Ticks,
        record.Message, record.SegmentBegan, record.Shown);

    /// <summary>What is not understood of a record of another version is left out; it can be shown all the same.</summary>
    public TransferRecord Read() => new()
    {
        Id = Id,
        Peer = Peer,
        User = User,
        Direction = TransferDirections.Stored(Direction),
        Local = Local,
        LocalBranch = LocalBranch,
        RemoteNamespace = RemoteNamespace,
        RemoteName = RemoteName,
        RemoteBranch = RemoteBranch,
        Initiator = Initiator,
        Phase = Enum.TryParse<TransferPhase>(Phase, out var phase) ? phase : TransferPhase.Starting,
        Filesystem = Filesystem,
        StartingCommit = From is { } from && StreamStart.Parse(from) is { Refusal: null } start ? start.Value : null,
        TargetCommit = To,
        Index = Index,
        Total = Total,
        FailedTry = FailedTry,
        SizeBytes = SizeBytes,
        SentBytes = SentBytes,
        Elapsed = TimeSpan.FromTicks(ElapsedTicks),
        Message = Message,
        SegmentBegan = SegmentBegan,
        Shown = Shown,
    };
}
