using System.Collections.Immutable;
using Dotmesh.Actors.Serialization;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// What happened to a dot, with who and when: its journal, and its audit log (design D3). Stored for ever: a type is never
/// changed in meaning, only followed by a new version with its own manifest.
/// </summary>
public static class DotEvents
{
    /// <param name="By">User id, or <c>system</c>.</param>
    public abstract record Event(DateTimeOffset At, string By) : IDotmeshMessage;

    public sealed record Created(
        FilesystemId Dot,
        DotName Name,
        string OwnerId,
        string OwnerName,
        StorageNodeId Node,
        long Epoch,
        ImmutableArray<CommitId> Commits,
        DateTimeOffset At,
        string By) : Event(At, By);

    /// <summary>The journal knew nothing, the pool had it: rebuilt from what the pool keeps.</summary>
    public sealed record Adopted(
        FilesystemId Dot,
        DotName Name,
        string OwnerId,
        string OwnerName,
        StorageNodeId Node,
        long Epoch,
        ImmutableSortedDictionary<string, string> Collaborators,
        ImmutableArray<CommitId> Commits,
        DateTimeOffset At,
        string By) : Event(At, By);

    public sealed record Committed(FilesystemId Filesystem, CommitId Commit, DateTimeOffset At, string By) : Event(At, By);

    public sealed record Branched(
        string Branch, FilesystemId Filesystem, CommitOrigin Origin, DateTimeOffset At, string By) : Event(At, By);

    /// <summary>A rollback is about to start; whoever recovers with this and no end finishes it.</summary>
    public sealed record RollbackBegun(FilesystemId Filesystem, CommitId To, DateTimeOffset At, string By) : Event(At, By);

    public sealed record RolledBack(
        FilesystemId Filesystem, CommitId To, ImmutableArray<FilesystemChange> Changes, DateTimeOffset At, string By)
        : Event(At, By);

    /// <summary>A stash is about to start; whoever recovers with this and no end finishes it.</summary>
    public sealed record StashBegun(
        FilesystemId Filesystem, CommitId To, string Branch, FilesystemId Stash, DateTimeOffset At, string By) : Event(At, By);

    /// <param name="Commits">What the new branch holds.</param>
    public sealed record Stashed(
        FilesystemId Filesystem,
        CommitId To,
        string Branch,
        FilesystemId Stash,
        ImmutableArray<CommitId> Commits,
        ImmutableArray<FilesystemChange> Changes,
        DateTimeOffset At,
        string By) : Event(At, By);

    /// <summary>What was begun could not be done and changed nothing but what <paramref name="Changes"/> says.</summary>
    public sealed record ChangeAbandoned(
        string Reason, ImmutableArray<FilesystemChange> Changes, DateTimeOffset At, string By) : Event(At, By);

    public sealed record DeletionBegun(DateTimeOffset At, string By) : Event(At, By);

    public sealed record Deleted(DateTimeOffset At, string By) : Event(At, By);

    public sealed record CollaboratorAdded(string UserId, string UserName, DateTimeOffset At, string By) : Event(At, By);

    public sealed record CollaboratorRemoved(string UserId, DateTimeOffset At, string By) : Event(At, By);

    /// <summary>The pool had a branch that the journal did not know.</summary>
    public sealed record BranchAdopted(
        string Branch,
        FilesystemId Filesystem,
        CommitOrigin Origin,
        ImmutableArray<CommitId> Commits,
        DateTimeOffset At,
        string By) : Event(At, By);

    /// <summary>The pool had commits that the journal did not know.</summary>
    public sealed record CommitsAdopted(
        FilesystemId Filesystem, ImmutableArray<CommitId> Commits, DateTimeOffset At, string By) : Event(At, By);

    /// <summary>This node controls the dot from here on; whoever controlled it before and writes now collides with this event.</summary>
    public sealed record ControlTaken(StorageNodeId Node, long Epoch, DateTimeOffset At, string By) : Event(At, By);

    /// <summary>Another name, owner and collaborators, as the backup of another cluster has them.</summary>
    public sealed record Renamed(
        DotName Name,
        string OwnerId,
        string OwnerName,
        ImmutableSortedDictionary<string, string> Collaborators,
        DateTimeOffset At,
        string By) : Event(At, By);

    /// <param name="Copies">As <see cref="Directory.DotRow.Copies"/>.</param>
    public sealed record ReplicationSet(int Copies, DateTimeOffset At, string By) : Event(At, By);

    /// <summary>The journal knew commits that the pool does not have any more; they cannot be brought back.</summary>
    public sealed record CommitsLost(
        FilesystemId Filesystem, ImmutableArray<CommitId> Commits, DateTimeOffset At, string By) : Event(At, By);
}
