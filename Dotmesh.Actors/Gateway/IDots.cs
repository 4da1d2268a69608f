using System.Collections.Immutable;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;

namespace Dotmesh.Actors.Gateway;

/// <summary>What a call needs on a dot (design D16, contract 10.2).</summary>
public enum Right
{
    /// <summary>Any authenticated user (Lookup, Exists: contract appendix C 9).</summary>
    Any,

    /// <summary>Admin, owner or collaborator.</summary>
    Use,

    /// <summary>Admin or owner.</summary>
    Own,

    /// <summary>Admin only.</summary>
    Admin,
}

/// <summary>A commit to make.</summary>
/// <param name="Id">Null: a new id.</param>
/// <param name="Metadata">Complete but for <c>timestamp</c>; keys already checked.</param>
/// <param name="Replicated">Answer only when the required copies hold it (design D8).</param>
public sealed record CommitRequest(CommitId? Id, CommitMetadata Metadata, bool Replicated = false);

/// <summary>A filesystem with what a reader wants to know (contract 3.1).</summary>
/// <param name="CommitCount">On the controlling node.</param>
/// <param name="Servers">Node id -> state and status text, for every live node.</param>
public sealed record DotView(
    DotTarget Target, long SizeBytes, long DirtyBytes, int CommitCount, ImmutableSortedDictionary<string, ServerView> Servers)
{
    /// <summary>Running ones that use this filesystem, on every node that answered; by name.</summary>
    public ImmutableArray<ContainerUse> Containers { get; init; } = [];
}

/// <param name="State">Contract 5.1: <c>active</c>, <c>inactive</c>, <c>missing</c>, <c>failed</c>, <c>unknown</c>.</param>
/// <param name="Status">Contract 3.1, commit count included: <c>waiting, 3 commits</c>.</param>
public sealed record ServerView(string State, string Status);

/// <param name="Moved">Dots that other nodes control now.</param>
/// <param name="Left">Dots that are still there; why is in <paramref name="Reasons"/>, at most ten of them.</param>
public sealed record DrainResult(int Moved, int Left, ImmutableArray<string> Reasons);

/// <summary>Something that happened to a dot.</summary>
/// <param name="Dot">Null: it is gone.</param>
/// <param name="Name">Of one that is gone: as it was made; null when that is not known.</param>
/// <param name="Entry">Its sequence is the place among what happened to this dot, or to all where all are asked for.</param>
/// <param name="Message">Of a commit that was made; null where this node does not have it, or not any more.</param>
public sealed record DotHappening(FilesystemId Id, DotRow? Dot, DotName? Name, JournalEntry<DotEvents.Event> Entry, string? Message);

/// <summary>A live node as lists show it (contract 3.5).</summary>
public sealed record NodeView(StorageNodeId Id, ImmutableArray<string> Addresses);

/// <summary>A node of the cluster, alive or not.</summary>
/// <param name="Dots">How many it controls.</param>
/// <param name="Said">Null: it does not answer.</param>
public sealed record NodeReport(StorageNodeId Id, ImmutableArray<string> Addresses, NodeStanding Standing, int Dots, NodeDescription? Said);

public enum NodeStanding
{
    Up,

    /// <summary>It did not say good-bye, and nobody reaches it.</summary>
    Away,

    /// <summary>It was stopped in order.</summary>
    Left,
}

/// <summary>
/// The domain as the outside sees it: what JSON-RPC methods, the volume plugin and the console call. Names are already
/// validated (<see cref="Names"/>); rights are checked here, in the two <c>Resolve</c>, and nowhere else. Calls that change
/// a dot go as messages through the gateway actor and cluster sharding to the dot's controlling node. Every call ends by
/// its token or the configured deadline, whatever dies meanwhile; refusals carry the contract's texts.
/// </summary>
public interface IDots
{
    StorageNodeId ThisNode { get; }

    ImmutableArray<NodeView> Nodes { get; }

    /// <summary>
    /// Finds a branch and checks the right. Texts of contract 2.0: <c>No such filesystem named 'ns/name'</c>,
    /// <c>No clones at all, let alone named 'b' for filesystem id 'x'</c>, <c>No clone named 'b' for filesystem id 'x'</c>;
    /// dots being created or deleted are not found.
    /// </summary>
    Outcome<DotTarget> Resolve(Caller caller, DotName name, string branch, Right right);

    /// <summary>By filesystem id: <c>No known filesystem with id x</c>, <c>Permission denied.</c></summary>
    Outcome<DotTarget> Resolve(Caller caller, FilesystemId id, Right right);

    /// <summary>The dots a caller may use.</summary>
    IEnumerable<DotRow> Visible(Caller caller);

    /// <summary>Any user in an existing user's namespace; resumes a creation that failed half way. Answers the dot's id.</summary>
    Task<Outcome<FilesystemId>> Create(Caller caller, DotName name, CancellationToken ct);

    Task<Outcome<Done>> Delete(Caller caller, DotName name, CancellationToken ct);

    Task<Outcome<CommitId>> Commit(Caller caller, DotTarget target, CommitRequest request, CancellationToken ct);

    Task<Outcome<Done>> Rollback(Caller caller, DotTarget target, CommitId to, CancellationToken ct);

    Task<Outcome<FilesystemId>> Branch(
        Caller caller, DotTarget source, string newBranch, CommitId at, CancellationToken ct);

    /// <summary>Answers the new branch's name (contract 5.7).</summary>
    Task<Outcome<string>> Stash(Caller caller, DotTarget target, CommitId at, CancellationToken ct);

    Task<Outcome<Done>> AddCollaborator(Caller caller, DotTarget master, User collaborator, CancellationToken ct);

    Task<Outcome<Done>> RemoveCollaborator(Caller caller, DotTarget master, string userId, CancellationToken ct);

    /// <summary>
    /// Another name, owner and collaborators (user id -> user name) for a dot, as a backup has them (contract 2.7). Refused when another dot
    /// has the name. Admin.
    /// </summary>
    Task<Outcome<Done>> Rename(
        Caller caller, DotTarget master, DotName name, User owner, ImmutableSortedDictionary<string, string> collaborators, CancellationToken ct);

    /// <summary>Host path of a read-only mount (contract 2.4).</summary>
    Task<Outcome<string>> MountCommit(Caller caller, DotTarget target, CommitId commit, CancellationToken ct);

    /// <summary>
    /// Contract 2.5: finds or creates the dot, mounts it on this node, makes the symlink and the subdot, answers the path.
    /// A missing branch of an existing dot is refused, never created. <paramref name="subdot"/> empty: the root.
    /// </summary>
    Task<Outcome<string>> Procure(Caller caller, DotName name, string branch, string subdot, CancellationToken ct);

    /// <summary>
    /// The plain name of a dot leads to another branch on this node, for the containers that mount it by that name: they are stopped and
    /// started again (contract 2.5). Without any nothing happens. Admin.
    /// </summary>
    /// <param name="branch">Empty: the master branch.</param>
    Task<Outcome<Done>> Switch(Caller caller, DotName name, string branch, CancellationToken ct);

    /// <summary>What happened to a dot, from its journal, the newest first (design D3).</summary>
    /// <param name="before">Only what has a smaller sequence; 0: from the newest on.</param>
    Task<ImmutableArray<DotHappening>> History(DotTarget target, long before, int most, CancellationToken ct);

    /// <summary>
    /// What happened lately to the dots that the caller may use, the newest first; an admin is told of dots that are gone too. It looks at
    /// a bounded part of the journal: what happened long ago is asked of <see cref="History"/>.
    /// </summary>
    /// <param name="kind">Type of event, a nested type of <see cref="DotEvents"/>; null: all.</param>
    /// <param name="before">Only what has a smaller sequence; 0: from the newest on.</param>
    Task<ImmutableArray<DotHappening>> Happened(Caller caller, Type? kind, long before, int most, CancellationToken ct);

    /// <summary>From the pool index, oldest first.</summary>
    Task<Outcome<ImmutableArray<StoredCommit>>> Commits(DotTarget target, CancellationToken ct);

    /// <summary>
    /// The same commits with their sizes, as the controlling node's pool tells them now; a commit that is made or taken away at this
    /// moment may be left out. Refused with what the pool says when it cannot tell.
    /// </summary>
    Task<Outcome<ImmutableArray<MeasuredCommit>>> CommitSizes(DotTarget target, CancellationToken ct);

    /// <summary>Sizes are at most a second old, or the last known ones when measuring takes longer than a short budget.</summary>
    Task<IReadOnlyList<DotView>> View(IReadOnlyCollection<DotTarget> targets, CancellationToken ct);

    Task<Outcome<long>> PredictSize(DotTarget to, StreamRange range, CancellationToken ct);

    /// <summary>Commit ids that each live node lacks; empty arrays when up to date (contract 2.4).</summary>
    Task<Outcome<ImmutableSortedDictionary<string, ImmutableArray<CommitId>>>> ReplicationLag(
        DotTarget target, CancellationToken ct);

    /// <summary>How many nodes hold the dot, 1 and more; 0: as the cluster's option says. Owner or admin.</summary>
    Task<Outcome<Done>> SetReplication(Caller caller, DotTarget target, int copies, CancellationToken ct);

    /// <summary>
    /// <c>ForceBranchMasterById</c>: the node controls the dot from now on, whatever the controlling node says; what only that one had
    /// becomes a DIVERGED branch when it is back. Refused when the node has no copy. Admin.
    /// </summary>
    Task<Outcome<Done>> ForceMaster(Caller caller, FilesystemId filesystem, StorageNodeId? to, CancellationToken ct);

    /// <summary>Hands a dot over to a node, with what was not committed; refused while containers use it. Admin.</summary>
    Task<Outcome<Done>> Move(Caller caller, DotTarget target, StorageNodeId to, CancellationToken ct);

    /// <summary>Every node that the cluster knows, by id; those that are up are asked, and waited for no longer than the list's budget.</summary>
    Task<IReadOnlyList<NodeReport>> DescribeNodes(CancellationToken ct);

    /// <summary>Hands the dots of a node over to the nodes with the newest copies, one after the other as long as the token allows. Admin.</summary>
    Task<Outcome<DrainResult>> Drain(Caller caller, StorageNodeId node, CancellationToken ct);

    /// <summary>
    /// <c>ForceStateMachineToDiscovering</c>: reads the pool again for one filesystem and remounts it if it was unmounted
    /// by hand (behaviour 13). Answers what was found.
    /// </summary>
    Task<Outcome<string>> Rediscover(FilesystemId id, CancellationToken ct);

    /// <summary>For <c>DumpInternalState</c>: names and values of what is in memory, no secrets.</summary>
    Task<ImmutableSortedDictionary<string, string>> DumpState(string prefix, CancellationToken ct);
}

/// <summary>Questions that <see cref="IDots"/> answers as part of others.</summary>
public static class DotQuestions
{
    /// <summary>Running containers that use one of the filesystems, on every node that answers; each once.</summary>
    public static async Task<ImmutableArray<ContainerUse>> Containers(this IDots dots, IReadOnlyCollection<DotTarget> targets, CancellationToken ct) =>
        [.. (await dots.View(targets, ct)).SelectMany(view => view.Containers).Distinct()];
}
