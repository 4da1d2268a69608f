namespace Dotmesh.Actors.Storage;

/// <summary>
/// A node's pool (design D4). One instance per node; every driver inherits the same contract specs
/// (<c>specs/Storage/StorageContract</c>). Calls for different filesystems may run at the same time; calls that change
/// the same filesystem are serialized by its FilesystemActor, and calls that touch several (rollback, branch, stash,
/// destroy) by the DotActor. Failures are <see cref="StorageException"/>; after one the state is as before the call or
/// the call can be repeated, and <see cref="Recover"/> mends what a crash left half done.
/// </summary>
public interface IStorage : IAsyncDisposable
{
    /// <summary>What this pool can do; detected once at start and logged.</summary>
    StorageCapabilities Capabilities { get; }

    /// <summary>Identity, capacity and health of the pool, asked freshly.</summary>
    Task<PoolInfo> Pool(CancellationToken ct);

    /// <summary>Every filesystem with its commits, oldest first, in one pass over the pool.</summary>
    Task<IReadOnlyList<StoredFilesystem>> List(CancellationToken ct);

    /// <summary>One filesystem freshly read, with GUIDs; null when there is none.</summary>
    Task<StoredFilesystem?> Find(FilesystemId id, CancellationToken ct);

    /// <summary>An empty filesystem with the directory <c>__default__</c> (mode 0777), mounted. Nothing or all of it.</summary>
    Task Create(FilesystemId id, FilesystemLabels labels, CancellationToken ct);

    /// <summary>A commit of what is there now, with its metadata. Metadata that the pool cannot keep goes into a file (D5).</summary>
    Task<StoredCommit> Commit(FilesystemId id, CommitId commit, CommitMetadata metadata, CancellationToken ct);

    /// <summary>
    /// Back to <paramref name="to"/>: discards uncommitted data and later commits of this filesystem and nothing else.
    /// Filesystems branched from a later commit survive (they are promoted and then hold those commits' data).
    /// Repeatable: rolling back to the newest commit discards uncommitted data only.
    /// </summary>
    Task Rollback(FilesystemId id, CommitId to, CancellationToken ct);

    /// <summary>A new writable filesystem that starts at a commit of <paramref name="source"/>, mounted.</summary>
    Task Branch(FilesystemId source, CommitId at, FilesystemId id, FilesystemLabels labels, CancellationToken ct);

    /// <summary>
    /// Contract 5.7: what <paramref name="id"/> holds after <paramref name="at"/> (later commits and uncommitted data)
    /// lives on as <paramref name="stash"/>; <paramref name="id"/> ends at <paramref name="at"/>. Both are mounted.
    /// Repeatable with the same arguments until it has succeeded.
    /// </summary>
    Task Stash(FilesystemId id, CommitId at, FilesystemId stash, FilesystemLabels stashLabels, CancellationToken ct);

    /// <summary>Mounts if needed; answers where the live files are, <c>MOUNT_PREFIX/dmfs/ID</c>. Idempotent.</summary>
    Task<string> Mount(FilesystemId id, CancellationToken ct);

    /// <summary>Idempotent. Busy is <see cref="StorageFailure.Busy"/>.</summary>
    Task Unmount(FilesystemId id, CancellationToken ct);

    /// <summary>A read-only view of a commit at <c>MOUNT_PREFIX/dmfs/ID@COMMIT</c>. Idempotent.</summary>
    Task<string> MountCommit(FilesystemId id, CommitId commit, CancellationToken ct);

    /// <summary>
    /// Forbids everybody to write into the live files of this pool, or allows it again: a node that was cut off from the others (design D9).
    /// What is open may still be written, and on zfs-fuse whatever is there; nothing new is made and nothing is removed. Idempotent, and
    /// allowed again by opening the pool. Answers whether the driver can (<see cref="StorageCapabilities.ClosesToWriters"/>); where it
    /// cannot, nothing happens.
    /// </summary>
    Task<bool> SetWritable(bool writable, CancellationToken ct);

    /// <summary>Replaces the labels; used when a dot is shared, renamed or adopted.</summary>
    Task SetLabels(FilesystemId id, FilesystemLabels labels, CancellationToken ct);

    /// <summary>Sizes of the filesystems asked for; missing ones are left out. One command for all of them where the pool allows.</summary>
    Task<IReadOnlyDictionary<FilesystemId, FilesystemUsage>> Usage(
        IReadOnlyCollection<FilesystemId> ids, CancellationToken ct);

    /// <summary>
    /// Own commit -> bytes, for all own commits of a filesystem: what <see cref="FilesystemUsage.SizeBytes"/> was when the commit was made, of all
    /// its files and not only of what had changed. A missing filesystem has none. What it costs is one command, or one read of a file,
    /// whatever the number of commits.
    /// </summary>
    Task<IReadOnlyDictionary<CommitId, long>> CommitSizes(FilesystemId id, CancellationToken ct);

    /// <summary>
    /// Destroys the filesystem with its commits and mounts. <see cref="StorageFailure.HasDependents"/> when other
    /// filesystems were branched from it. Idempotent: a missing one is done.
    /// </summary>
    Task Destroy(FilesystemId id, CancellationToken ct);

    /// <summary>Bytes that <see cref="Send"/> would write for the range.</summary>
    Task<long> PredictSize(StreamRange range, CancellationToken ct);

    /// <summary>Writes the range as this driver's stream (<see cref="StorageCapabilities.StreamFormat"/>), metadata of commits included.</summary>
    /// <param name="resume">
    /// <see cref="ResumePoint"/> of the pool that receives: what it has of the range is left out. Null: all of it. A text that cannot be is
    /// <see cref="StorageFailure.BadStream"/>, before anything is written.
    /// </param>
    Task Send(StreamRange range, string? resume, Stream output, CancellationToken ct);

    /// <summary>
    /// Where a stream of the range that broke off while this pool received it goes on: for <see cref="Send"/> of the pool that sends. Null: at
    /// its beginning. Nothing of it is seen anywhere else; it is forgotten by the next start, after a day, and when it does not fit.
    /// </summary>
    Task<string?> ResumePoint(StreamRange range, CancellationToken ct);

    /// <summary>
    /// Applies a stream of this driver's format. Without a base the filesystem is made (labels given by the caller); with
    /// one, its newest commit must be the base and nothing may have been written since
    /// (<see cref="StorageFailure.Modified"/>). All of its commits are there, or none; a bad stream is
    /// <see cref="StorageFailure.BadStream"/>. What is labelled a replica is not mounted.
    /// </summary>
    Task Receive(StreamRange range, FilesystemLabels labels, Stream input, CancellationToken ct);

    /// <summary>Bytes that <see cref="SendPlain"/> would write for the range.</summary>
    Task<long> PredictPlain(StreamRange range, CancellationToken ct);

    /// <summary>
    /// Writes the range as one stream of <c>zfs send</c> that any <c>zfs receive</c> takes, for servers that are not ours. It carries files
    /// and commits, and no property of either: metadata that is not in files (contract 3.2) has to be told beside it.
    /// <see cref="StorageFailure.Unsupported"/> without <see cref="StorageCapabilities.PlainStreams"/>.
    /// </summary>
    Task SendPlain(StreamRange range, Stream output, CancellationToken ct);

    /// <summary>
    /// <see cref="Receive"/> for what a <c>zfs send</c> of any kind wrote (<c>-p</c>, <c>-R</c>, <c>-I</c>), with the same promises. The stream
    /// is not trusted: it must hold commits of this one filesystem, from the range's start to its end, and nothing after them; of its
    /// properties only the metadata of commits is taken. Reads <paramref name="input"/> to its end before anything is final.
    /// <see cref="StorageFailure.Unsupported"/> without <see cref="StorageCapabilities.PlainStreams"/>.
    /// </summary>
    /// <param name="metadata">What was told beside the stream; taken where the stream itself says nothing. Null: nothing was.</param>
    Task ReceivePlain(
        StreamRange range, FilesystemLabels labels, IReadOnlyDictionary<CommitId, CommitMetadata>? metadata, Stream input, CancellationToken ct);

    /// <summary>Finishes or undoes what a crash left half done; run once at start, before anything else.</summary>
    Task<IReadOnlyList<string>> Recover(CancellationToken ct);
}

/// <summary>Calls in their usual form.</summary>
public static class StorageCalls
{
    /// <summary>All of the range.</summary>
    public static Task Send(this IStorage storage, StreamRange range, Stream output, CancellationToken ct) =>
        storage.Send(range, null, output, ct);
}
