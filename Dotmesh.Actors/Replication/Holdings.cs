using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Filesystems;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Replication;

/// <summary>A node asks the controlling one what a dot consists of.</summary>
/// <param name="Epoch">As the asking node knows it; refused as <see cref="RefusalCode.Conflict"/> when it is another by now.</param>
/// <param name="Known">What the asking node has of each filesystem, so that only the rest is told.</param>
/// <param name="Verify">Tell all commits with their GUIDs, whatever is known: the asking node compares what it has.</param>
public sealed record HoldingsQuery(
    FilesystemId Dot, long Epoch, ImmutableSortedDictionary<string, KnownCommits> Known, bool Verify);

public sealed record KnownCommits(int Count, CommitId Newest);

/// <summary>What a dot consists of on its controlling node.</summary>
/// <param name="Generation">As <see cref="FilesystemLabels.Generation"/>, from before the rest was read.</param>
public sealed record DotHoldings(FilesystemId Dot, long Epoch, long Generation, ImmutableArray<FilesystemHolding> Filesystems);

/// <param name="Common">So many first commits are those that the asking node told; 0 when it has others.</param>
/// <param name="Commits">The others after them, oldest first.</param>
public sealed record FilesystemHolding(
    FilesystemId Id, FilesystemLabels Labels, CommitOrigin? Origin, int Common, ImmutableArray<StoredCommit> Commits)
{
    public int Count => Common + Commits.Length;
}

/// <summary>Which part of a dot to send.</summary>
public sealed record FetchRequest(FilesystemId Dot, long Epoch, StreamRange Range)
{
    /// <summary>Of the stream; empty: the storage's own.</summary>
    public string Format { get; init; } = "";

    /// <summary>See <see cref="IStorage.ResumePoint"/>; empty: at the beginning.</summary>
    public string Resume { get; init; } = "";
}

/// <summary>A dot that a node controls, and a hash of what it consists of.</summary>
public sealed record DotVersion(FilesystemId Dot, ulong Version)
{
    /// <summary>Two nodes that hold the same of a dot get the same, whatever else they know of it.</summary>
    public static DotVersion Of(FilesystemId dot, PoolIndex index)
    {
        const ulong Offset = 14695981039346656037;
        var hash = Offset;
        foreach (var id in index.OfDot(dot).OrderBy(id => id.Value, StringComparer.Ordinal))
        {
            hash = Add(hash, id.Value);
            hash = Add(hash, index.Count(id).ToString(CultureInfo.InvariantCulture));
            hash = Add(hash, index.Newest(id)?.Value ?? "");
            hash = index.LabelsOf(id) is { } labels ? Add(hash, labels) : hash;
        }

        return new DotVersion(dot, hash);
    }

    private static ulong Add(ulong hash, FilesystemLabels labels)
    {
        hash = Add(Add(hash, labels.Name.ToString()), labels.OwnerId);
        return labels.Collaborators.Aggregate(hash, (sum, user) => Add(Add(sum, user.Key), user.Value));
    }

    // FNV-1a: the same on every node and in every version, unlike string hashes of the runtime
    private static ulong Add(ulong hash, string text)
    {
        const ulong Prime = 1099511628211;
        foreach (var letter in text)
        {
            hash = (hash ^ letter) * Prime;
        }

        return (hash ^ '/') * Prime;
    }
}

/// <summary>What a node holds of a filesystem: enough to tell which of several copies is the newest.</summary>
/// <param name="Epoch">As <see cref="FilesystemLabels.Epoch"/>.</param>
/// <param name="Generation">As <see cref="FilesystemLabels.Generation"/>.</param>
public sealed record HeldFilesystem(FilesystemId Id, int Count, CommitId? Newest, long Epoch, long Generation)
{
    public static HeldFilesystem Of(FilesystemId id, PoolIndex index) =>
        index.LabelsOf(id) is { } labels
            ? new(id, index.Count(id), index.Newest(id), labels.Epoch, labels.Generation)
            : new(id, index.Count(id), index.Newest(id), 0, 0);
}

/// <summary>A filesystem that a node controlled before and that the controlling node of today lacks: it may fetch it.</summary>
/// <param name="From">Where it is fetched.</param>
/// <param name="Newest">Its newest commit; null: it starts at <paramref name="Origin"/> and has none of its own.</param>
public sealed record HandInRequest(
    FilesystemId Dot, long Epoch, StorageNodeId From, FilesystemId Filesystem, FilesystemLabels Labels, CommitOrigin Origin,
    CommitId? Newest);

/// <summary>What the nodes ask each other about copies, over HTTP (design D8, D10). Refusals name the node.</summary>
public interface IReplicaLink
{
    Task<Outcome<DotHoldings>> Holdings(StorageNodeId node, HoldingsQuery query, CancellationToken ct);

    /// <summary>Has <paramref name="read"/> read the stream of the range; what it throws comes through.</summary>
    Task<Outcome<Done>> Fetch(
        StorageNodeId node, FetchRequest request, Func<Stream, CancellationToken, Task> read, CancellationToken ct);

    /// <summary>The dots that the node controls.</summary>
    Task<Outcome<ImmutableArray<DotVersion>>> Controlled(StorageNodeId node, CancellationToken ct);

    Task<Outcome<ImmutableArray<HeldFilesystem>>> Held(
        StorageNodeId node, ImmutableArray<FilesystemId> filesystems, CancellationToken ct);

    /// <summary>Answers when the node has everything of the dot that the controlling node had when it was asked.</summary>
    Task<Outcome<Done>> Sync(StorageNodeId node, FilesystemId dot, long epoch, CancellationToken ct);

    /// <summary>Answers when the controlling node has taken the filesystem in as a branch.</summary>
    Task<Outcome<Done>> HandIn(StorageNodeId node, HandInRequest request, CancellationToken ct);
}

/// <summary>The other side of <see cref="IReplicaLink"/>.</summary>
public interface IReplicaAnswers
{
    Task<Outcome<DotHoldings>> Holdings(HoldingsQuery query, CancellationToken ct);

    /// <summary>Refused before the first byte, or an exception in the middle.</summary>
    Task<Outcome<Done>> Send(FetchRequest request, Func<Stream> output, CancellationToken ct);

    ImmutableArray<DotVersion> Controlled();

    ImmutableArray<HeldFilesystem> Held(ImmutableArray<FilesystemId> filesystems);

    Task<Outcome<Done>> Sync(FilesystemId dot, long epoch, CancellationToken ct);

    Task<Outcome<Done>> HandIn(HandInRequest request, CancellationToken ct);
}
