using System.Collections.Immutable;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Clustering;

/// <summary>What one node knows about a filesystem of its pool.</summary>
/// <param name="CommitCount">Commits it holds.</param>
/// <param name="Newest">Null without a commit.</param>
public sealed record FilesystemReport(
    FilesystemId Id, ServerView View, int CommitCount, CommitId? Newest, long SizeBytes, long DirtyBytes)
{
    /// <summary>Running ones on the node's host that use it.</summary>
    public ImmutableArray<ContainerUse> Containers { get; init; } = [];
}

/// <summary>What a node says of itself.</summary>
/// <param name="Version">Of its program.</param>
/// <param name="Driver">Storage driver with its version.</param>
/// <param name="Filesystems">How many it holds, copies included.</param>
/// <param name="HasDatabase">Whether the database answers it; null: it is of an older version, which does not say.</param>
public sealed record NodeDescription(string Version, string Driver, int Filesystems, PoolInfo Pool, bool? HasDatabase = null);

/// <summary>Questions to another node, whose answers may be large: by HTTP between nodes, never by messages (design D10).</summary>
public interface INodeLink
{
    /// <summary>Oldest first. Refused as <see cref="RefusalCode.Unavailable"/> when the node does not answer, naming it.</summary>
    Task<Outcome<ImmutableArray<StoredCommit>>> Commits(StorageNodeId node, FilesystemId filesystem, CancellationToken ct);

    /// <summary>The same commits with their sizes. Refused as there, and when the node's pool cannot tell.</summary>
    Task<Outcome<ImmutableArray<MeasuredCommit>>> CommitSizes(StorageNodeId node, FilesystemId filesystem, CancellationToken ct);

    /// <summary>Of those filesystems that the node has.</summary>
    Task<Outcome<ImmutableArray<FilesystemReport>>> Reports(
        StorageNodeId node, ImmutableArray<FilesystemId> filesystems, CancellationToken ct);

    Task<Outcome<ImmutableSortedDictionary<string, string>>> Dump(StorageNodeId node, string prefix, CancellationToken ct);

    Task<Outcome<NodeDescription>> Describe(StorageNodeId node, CancellationToken ct);
}

/// <summary>The other side of <see cref="INodeLink"/>: this node's answers, all from memory but for sizes and the pool.</summary>
public interface INodeAnswers
{
    ImmutableArray<StoredCommit> Commits(FilesystemId filesystem);

    /// <summary>Oldest first; a commit that is made or taken away at this moment may be left out.</summary>
    Task<Outcome<ImmutableArray<MeasuredCommit>>> CommitSizes(FilesystemId filesystem, CancellationToken ct);

    Task<ImmutableArray<FilesystemReport>> Reports(ImmutableArray<FilesystemId> filesystems, CancellationToken ct);

    ImmutableSortedDictionary<string, string> Dump(string prefix);

    Task<NodeDescription> Describe(CancellationToken ct);
}
