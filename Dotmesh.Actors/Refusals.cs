using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors;

/// <summary>The texts of refusals, the contract's where it has one, in one place.</summary>
public static class Refusals
{
    public static Refusal NoSuchDot(DotName name) => new(RefusalCode.NotFound, $"No such filesystem named '{name}'");

    public static Refusal NoSuchBranch(string branch, FilesystemId master, bool hasBranches) => new(
        RefusalCode.NotFound,
        hasBranches
            ? $"No clone named '{branch}' for filesystem id '{master}'"
            : $"No clones at all, let alone named '{branch}' for filesystem id '{master}'");

    public static Refusal NoSuchFilesystem(FilesystemId id) => new(RefusalCode.NotFound, $"No known filesystem with id {id}");

    public static Refusal NoSuchCommit(CommitId commit, string where) => new(
        RefusalCode.NotFound, $"No such commit {commit} in {where}. Its commits are listed by Commits.");

    public static Refusal NoCommitToMount(CommitId commit, FilesystemId filesystem) =>
        new(RefusalCode.NotFound, $"Cannot find commit with id {commit} for filesystem {filesystem}");

    public static Refusal DotExists(DotName name, FilesystemId id) =>
        new(RefusalCode.AlreadyExists, $"A volume called {name} already exists with id {id}");

    public static Refusal BranchExists(string branch, DotName name) =>
        new(RefusalCode.AlreadyExists, $"A branch called {branch} already exists in {name}");

    public static Refusal MasterIsReserved() =>
        new(RefusalCode.Invalid, "master is the name of the branch that every dot has: choose another name");

    public static Refusal CommitExists(CommitId commit, string where) =>
        new(RefusalCode.AlreadyExists, $"A commit with id {commit} already exists in {where}");

    public static Refusal NoOwner(string @namespace) => new(RefusalCode.NotFound, $"Unable to locate owner {@namespace}.");

    public static Refusal PermissionDenied() => new(RefusalCode.Denied, "Permission denied.");

    public static Refusal NotAdmin(string userId) => new(RefusalCode.Denied, $"Userid {userId} is not admin user");

    public static Refusal NotOwnerToDelete(DotName name) => new(
        RefusalCode.Denied, $"You are not the owner of volume {name}. Only the owner can delete it.");

    /// <summary>Contract 2.3.</summary>
    public static Refusal InUseToDelete(FilesystemId dot, string containers)
    {
        var count = containers.Split(", ").Length;
        return new(
            RefusalCode.Conflict,
            $"We cannot delete the volume {dot} when {count} container{(count == 1 ? " is" : "s are")} still using it: {containers}. Stop them and try again.");
    }

    /// <summary>Contract 2.5 and 5.2.</summary>
    public static Refusal InUseToMove(DotName name, FilesystemId dot, StorageNodeId from, StorageNodeId to, string containers) => new(
        RefusalCode.Conflict,
        $"failed to move {dot} from {from} to {to}: cannot-move-while-containers-running: {name} is used by {containers}. Stop them and try again.");

    /// <summary>Contract 6.2, step 7.</summary>
    public static Refusal InUseToWrite(string containers) => new(
        RefusalCode.Conflict,
        $"Aborting because there are active containers running on volume where data would be written: {containers}. Stop the containers.");

    public static Refusal Overloaded(string what) =>
        new(RefusalCode.Overloaded, $"overloaded: {what}. Nothing was done; try again in a moment.");

    public static Refusal Expired() => new(
        RefusalCode.Expired, "The deadline passed before an answer. The operation may still complete; look before repeating it.");

    public static Refusal ExpiredInQueue() => new(
        RefusalCode.Expired, "The deadline passed while the request waited for its turn. Nothing was done.");

    public static Refusal Fenced(FilesystemId dot) => new(
        RefusalCode.Unavailable,
        $"fenced: another incarnation of dot {dot} wrote to its journal. This one stopped; repeating the request is safe.");

    public static Refusal JournalFailed(FilesystemId dot) => new(
        RefusalCode.Unavailable,
        $"The database did not take the journal's entry for dot {dot}. What reached the pool is kept and taken up when the dot is next used: "
        + "look before repeating it.");

    public static Refusal JournalUnreadable(FilesystemId dot) => new(
        RefusalCode.Unavailable,
        $"The journal of dot {dot} cannot be read from the database now (Database:Host). Nothing was done; try again when it is back.");

    public static Refusal Stopping(FilesystemId dot) =>
        new(RefusalCode.Unavailable, $"Dot {dot} is stopping on this node; try again.");

    public static Refusal NodeStopping() =>
        new(RefusalCode.Unavailable, "This node is stopping. Nothing was done; ask again when it is back.");

    public static Refusal NodeBeginsAnew(string reason) => new(
        RefusalCode.Unavailable,
        $"This node lost its place in the cluster ({reason}) and begins anew as soon as the cluster's database and its own pool are "
        + "there. Nothing was done; ask another node, or this one in a moment.");

    public static Refusal NodeStarting() =>
        new(RefusalCode.Unavailable, "This node is starting. Nothing was done; ask again in a moment.");

    public static Refusal LeaseOverdue(StorageNodeId node) => new(
        RefusalCode.Unavailable,
        $"Node {node} has not reached the cluster's database for so long that another node may have taken its dots. Nothing was done; ask "
        + "again when the database is back, or ask another node.");

    public static Refusal LeaseOverdueAfter(FilesystemId dot) => new(
        RefusalCode.Unavailable,
        $"This node lost the cluster's database while it worked on dot {dot}. What it did is in the pool, and kept: look before repeating it.");

    public static Refusal NodeNotUp(StorageNodeId node) => new(
        RefusalCode.Unavailable, $"The node {node} that controls this dot is not up; try again when it is back.");

    public static Refusal NodeLost(StorageNodeId node) => new(
        RefusalCode.Unavailable,
        $"The node {node} that controls this dot went away before it answered. The operation may have been done; look before repeating it.");

    public static Refusal NodeSilent(StorageNodeId node, string why) => new(
        RefusalCode.Unavailable, $"The node {node} that controls this dot does not answer ({why}); try again in a moment.");

    public static Refusal NotReached(FilesystemId dot, StorageNodeId node) => new(
        RefusalCode.Unavailable, $"Dot {dot} could not be reached on node {node}. Nothing was done; try again in a moment.");

    public static Refusal MissingInPool(FilesystemId filesystem) => new(
        RefusalCode.Storage, $"The pool of this node has no filesystem {filesystem} any more.");

    public static Refusal From(StorageException failure) => new(
        failure.Failure switch
        {
            StorageFailure.PoolMissing or StorageFailure.PoolSuspended => RefusalCode.Unavailable,
            StorageFailure.Busy or StorageFailure.HasDependents or StorageFailure.Modified => RefusalCode.Conflict,
            _ => RefusalCode.Storage,
        },
        failure.Message);

    public static Refusal From(InjectedFaultException fault) => new(RefusalCode.Injected, fault.Message);
}
