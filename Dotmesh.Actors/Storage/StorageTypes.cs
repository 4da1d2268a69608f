using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage;

/// <param name="Driver"><c>zfs</c> or <c>directory</c>.</param>
/// <param name="Version">What was found, for the log: <c>OpenZFS 2.1.11</c>, <c>zfs-fuse pool version 23</c>.</param>
/// <param name="StreamFormat">Name of the stream format; streams of another format are refused before any data.</param>
/// <param name="Features">Names of detected features and whether they are there, for the log.</param>
public sealed record StorageCapabilities(
    string Driver, string Version, string StreamFormat, ImmutableSortedDictionary<string, bool> Features)
{
    /// <summary>Features of the files: what this storage has not, its file system refuses to whoever writes it.</summary>
    public const string ExtendedAttributes = "extended attributes", FarTimes = "times after 2038";

    /// <summary>See <see cref="IStorage.SetWritable"/>.</summary>
    public const string ClosesToWriters = "closing to writers";

    /// <summary>
    /// Whether it also writes and reads what <c>zfs send</c> writes, which is all that original servers know
    /// (<see cref="IStorage.SendPlain"/>, <see cref="IStorage.ReceivePlain"/>).
    /// </summary>
    public bool PlainStreams { get; init; }

    /// <summary>Whether it keeps this kind of thing; what a driver says nothing about, it keeps.</summary>
    public bool Keeps(string feature) => Features.GetValueOrDefault(feature, true);
}

/// <param name="Id">The pool's GUID.</param>
/// <param name="Name">The pool's name or folder.</param>
/// <param name="SizeBytes">Capacity.</param>
/// <param name="FreeBytes">What is left.</param>
/// <param name="Health"><c>ONLINE</c>, <c>DEGRADED</c>, <c>SUSPENDED</c> ...</param>
public sealed record PoolInfo(StorageNodeId Id, string Name, long SizeBytes, long FreeBytes, string Health)
{
    public int UsedPercent => SizeBytes <= 0 ? 0 : (int)((SizeBytes - FreeBytes) * 100 / SizeBytes);
}

/// <summary>
/// What the pool keeps about a filesystem so that the directory can be rebuilt from it (issue part 1, section 3).
/// </summary>
/// <param name="Dot">The dot's id (the master branch's filesystem id).</param>
/// <param name="Name">The dot's name.</param>
/// <param name="Branch"><c>""</c> for the master branch.</param>
/// <param name="OwnerId">User id of the owner.</param>
/// <param name="OwnerName">User name of the owner, for a rebuild without users.</param>
/// <param name="Collaborators">User id -> user name; only on the master branch.</param>
public sealed record FilesystemLabels(
    FilesystemId Dot,
    DotName Name,
    string Branch,
    string OwnerId,
    string OwnerName,
    ImmutableSortedDictionary<string, string> Collaborators)
{
    /// <summary>The dot's epoch when this copy was last written or fetched: nothing older may follow (design D9).</summary>
    public long Epoch { get; init; } = 1;

    /// <summary>
    /// Of a replica: how often commits had been taken away from the dot (rollback, stash) when it was complete. Of two copies of one
    /// epoch the one with more is newer, whatever their numbers of commits.
    /// </summary>
    public long Generation { get; init; }

    /// <summary>
    /// Fetched from the controlling node and never mounted. A copy without this mark that another node controls by now may
    /// hold what nobody else has.
    /// </summary>
    public bool Replica { get; init; }
}

/// <param name="Guid">The pool's own id of the commit; 0 when not asked for yet (see <see cref="IStorage.Find"/>).</param>
/// <param name="CreatedAt">When the pool made it.</param>
public sealed record StoredCommit(CommitId Id, ulong Guid, DateTimeOffset CreatedAt, CommitMetadata Metadata);

/// <param name="Origin">Commit this filesystem was branched from; null for a filesystem that was created or received whole.</param>
/// <param name="Labels">Null for a filesystem that carries none (made by an original server, or by hand).</param>
/// <param name="Commits">Own commits, oldest first; the origin's are not repeated (contract 2.4).</param>
public sealed record StoredFilesystem(
    FilesystemId Id,
    CommitOrigin? Origin,
    FilesystemLabels? Labels,
    bool Mounted,
    ImmutableArray<StoredCommit> Commits);

public sealed record CommitOrigin(FilesystemId Filesystem, CommitId Commit);

/// <param name="SizeBytes">ZFS <c>referenced</c> (contract 3.1).</param>
/// <param name="DirtyBytes">Written since the newest commit: 0 when nothing was.</param>
public sealed record FilesystemUsage(long SizeBytes, long DirtyBytes);

/// <param name="SizeBytes">What the filesystem held at the commit (<see cref="IStorage.CommitSizes"/>).</param>
public sealed record MeasuredCommit(CommitId Id, long SizeBytes);

/// <summary>A range of commits to send or receive (contract 6.4, 6.8).</summary>
/// <param name="Filesystem">The filesystem the stream makes or extends.</param>
/// <param name="From">Null: full stream. <see cref="CommitOrigin.Filesystem"/> equal to <paramref name="Filesystem"/>:
/// incremental. Another filesystem: from a branch's origin.</param>
/// <param name="To">Newest commit in the stream.</param>
public sealed record StreamRange(FilesystemId Filesystem, CommitOrigin? From, CommitId To);
