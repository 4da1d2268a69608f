using System.Collections.Immutable;
using Dotmesh.Actors.Serialization;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// What the gateway actor sends to a dot, and what comes back. Every command travels in a <see cref="DotEnvelope"/> and is
/// answered with exactly one <see cref="Reply"/>.
/// </summary>
public static class DotProtocol
{
    /// <param name="By">User id of who asked; <c>system</c> for the node itself.</param>
    public abstract record Command(string By) : IDotmeshMessage;

    /// <summary>The name is reserved; make the filesystem. Finishes a creation that failed half way. -> <see cref="Finished"/></summary>
    public sealed record Create(DotName Name, string OwnerId, string OwnerName, string By) : Command(By);

    /// <summary>Also finishes a deletion that failed half way. -> <see cref="Finished"/></summary>
    public sealed record Delete(string By) : Command(By);

    /// <summary>-> <see cref="Committed"/></summary>
    public sealed record Commit(FilesystemId Filesystem, CommitId Id, CommitMetadata Metadata, string By) : Command(By);

    /// <summary>-> <see cref="Finished"/></summary>
    public sealed record Rollback(FilesystemId Filesystem, CommitId To, string By) : Command(By);

    /// <summary>-> <see cref="Finished"/></summary>
    public sealed record Branch(FilesystemId Source, CommitId At, string Name, FilesystemId Id, string By) : Command(By);

    /// <summary>-> <see cref="Stashed"/></summary>
    public sealed record Stash(FilesystemId Filesystem, CommitId At, FilesystemId Id, string By) : Command(By);

    /// <summary>-> <see cref="Finished"/></summary>
    public sealed record AddCollaborator(string UserId, string UserName, string By) : Command(By);

    /// <summary>-> <see cref="Finished"/></summary>
    public sealed record RemoveCollaborator(string UserId, string By) : Command(By);

    /// <summary>Another name, owner and collaborators; refused when the name is taken. -> <see cref="Finished"/></summary>
    public sealed record Rename(
        DotName Name, string OwnerId, string OwnerName, ImmutableSortedDictionary<string, string> Collaborators, string By) : Command(By);

    /// <summary>Mounts the live filesystem. -> <see cref="Mounted"/></summary>
    /// <param name="Volume">As the container engine calls it that holds the mount from now on; empty without one.</param>
    /// <param name="Hold">The engine's id for this mount.</param>
    /// <param name="At">The only node where it is of use; refused on another one, where the dot may have gone meanwhile.</param>
    public sealed record Mount(FilesystemId Filesystem, string By, string Volume = "", string Hold = "", StorageNodeId? At = null) : Command(By);

    /// <summary>Mounts a commit read-only. -> <see cref="Mounted"/></summary>
    /// <inheritdoc cref="Mount"/>
    public sealed record MountCommit(
        FilesystemId Filesystem, CommitId Commit, string By, string Volume = "", string Hold = "", StorageNodeId? At = null) : Command(By);

    /// <summary>
    /// The plain name leads to another branch on this node: containers that mount it are stopped, repointed and started again (contract 2.5,
    /// SwitchContainers). -> <see cref="Finished"/>
    /// </summary>
    public sealed record Switch(FilesystemId To, string By) : Command(By);

    /// <summary>-> <see cref="Predicted"/></summary>
    public sealed record PredictSize(StreamRange Range, string By) : Command(By);

    /// <summary>Reads the pool again for one filesystem and mounts it. -> <see cref="Found"/></summary>
    public sealed record Rediscover(FilesystemId Filesystem, string By) : Command(By);

    /// <summary>
    /// From the start-up repair: recover, compare with the pool, finish or undo what a crash left. -> <see cref="Finished"/>
    /// </summary>
    public sealed record Wake(string By) : Command(By);

    /// <summary>A filesystem of this dot has arrived in the pool: it becomes a branch. -> <see cref="Finished"/></summary>
    public sealed record TakeIn(FilesystemId Filesystem, string By) : Command(By);

    /// <summary>How many nodes are to hold the dot; 0: as the cluster's option says. -> <see cref="Finished"/></summary>
    public sealed record SetReplication(int Copies, string By) : Command(By);

    /// <summary>Gives the dot to another node, with everything (design D7). -> <see cref="Finished"/></summary>
    public sealed record HandOver(StorageNodeId To, string By) : Command(By);

    /// <summary>
    /// Gives the dot back to the node that controlled it before and whose containers never ceased to use it: only if all that is here is
    /// there too, nobody rolled back what is, and nothing was done since it was looked at. -> <see cref="Finished"/>
    /// </summary>
    /// <param name="Seen">What that node saw here: all of it is a beginning of what it has itself.</param>
    public sealed record GiveBack(StorageNodeId To, ImmutableArray<SeenFilesystem> Seen, string By) : Command(By);

    /// <summary>
    /// Commits of another cluster are at this node's door (<see cref="Arrivals"/>) and go into the dot: into a filesystem that it has, as a new
    /// branch, or as the dot itself when its name is only reserved. -> <see cref="Finished"/>
    /// </summary>
    /// <param name="Ticket">Of the arrival; there is none on any other node.</param>
    /// <param name="BranchName">Of a filesystem that is not here yet; <c>""</c> for the master branch.</param>
    public sealed record Receive(string Ticket, StreamRange Range, string BranchName, string By) : Command(By);

    public abstract record Reply : IDotmeshMessage;

    public sealed record Finished : Reply;

    public sealed record Committed(CommitId Id) : Reply;

    public sealed record Stashed(string Branch) : Reply;

    public sealed record Mounted(string Path) : Reply;

    public sealed record Predicted(long Bytes) : Reply;

    public sealed record Found(string Text) : Reply;

    public sealed record Refused(RefusalCode Code, string Message) : Reply
    {
        public static Refused From(Refusal refusal) => new(refusal.Code, refusal.Message);
    }

    /// <summary>The dot is controlled by another node, or the sender's epoch is stale: look again, send again.</summary>
    public sealed record Moved(StorageNodeId To, long Epoch) : Reply;

    /// <summary>The message reached no dot and did nothing: sending it again is safe.</summary>
    public sealed record NotDelivered : Reply;
}

/// <summary>
/// A command on its way to a dot (design D1). Shard and entity are read from it and from nothing else, because the
/// receiving region reads them again.
/// </summary>
/// <param name="StorageNodeId">The controlling node as the sender knows it: the shard.</param>
/// <param name="Epoch">The dot's epoch as the sender knows it.</param>
/// <param name="Deadline">After it the command is answered <see cref="RefusalCode.Expired"/> and not run.</param>
/// <param name="TraceParent">W3C trace context; empty without one.</param>
public sealed record DotEnvelope(
    FilesystemId DotId,
    StorageNodeId StorageNodeId,
    long Epoch,
    DateTimeOffset Deadline,
    string TraceParent,
    DotProtocol.Command Payload) : IDotmeshMessage;

/// <summary>Starts the shard of a node before the first dot needs it. -> <see cref="ShardPrimed"/></summary>
public sealed record PrimeShard(StorageNodeId StorageNodeId) : IDotmeshMessage;

/// <summary>The shard is there.</summary>
public sealed record ShardPrimed : IDotmeshMessage;

/// <summary>From sharding when a dot was idle or its shard leaves: end after the work that is running.</summary>
public sealed record StopDot : IDotmeshMessage
{
    public static readonly StopDot Instance = new();
}

/// <summary>How much a node has of a filesystem.</summary>
/// <param name="Newest">Null without a commit.</param>
public sealed record SeenFilesystem(FilesystemId Id, int Count, CommitId? Newest);

/// <summary>How one filesystem of a dot differs from what the journal knew.</summary>
/// <param name="Origin">Where it starts now; null when that did not change.</param>
/// <param name="Added">Commits it has and had not.</param>
/// <param name="Removed">Commits it had and has no more.</param>
public sealed record FilesystemChange(
    FilesystemId Filesystem, CommitOrigin? Origin, ImmutableArray<CommitId> Added, ImmutableArray<CommitId> Removed);
