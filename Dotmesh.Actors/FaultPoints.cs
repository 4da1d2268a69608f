namespace Dotmesh.Actors;

/// <summary>
/// Names of the fault points between the steps of each operation, in order. A spec kills the process at every one of them
/// and looks at what the next start made of it.
/// </summary>
public static partial class FaultPoints
{
    /// <summary>Contract 2.3: after the name is reserved.</summary>
    public const string PartialFailCreateFilesystem = "PartialFailCreateFilesystem";

    /// <summary>Contract 2.3: after the filesystems are destroyed, before the name is free.</summary>
    public const string PartialFailDelete = "PartialFailDelete";

    public const string CreateAfterReserve = "create.after-reserve";
    public const string CreateAfterStorage = "create.after-storage";
    public const string CreateAfterInitialCommit = "create.after-initial-commit";
    public const string CreateAfterPersist = "create.after-persist";
    public const string CreateAfterProject = "create.after-project";

    public const string CommitBeforeStorage = "commit.before-storage";
    public const string CommitAfterStorage = "commit.after-storage";
    public const string CommitAfterPersist = "commit.after-persist";

    public const string BranchBeforeStorage = "branch.before-storage";
    public const string BranchAfterStorage = "branch.after-storage";
    public const string BranchAfterPersist = "branch.after-persist";
    public const string BranchAfterProject = "branch.after-project";

    public const string RollbackAfterMark = "rollback.after-mark";
    public const string RollbackAfterIntent = "rollback.after-intent";
    public const string RollbackAfterStorage = "rollback.after-storage";
    public const string RollbackAfterPersist = "rollback.after-persist";
    public const string RollbackAfterProject = "rollback.after-project";

    public const string StashAfterMark = "stash.after-mark";
    public const string StashAfterIntent = "stash.after-intent";
    public const string StashAfterStorage = "stash.after-storage";
    public const string StashAfterPersist = "stash.after-persist";
    public const string StashAfterProject = "stash.after-project";

    public const string DeleteAfterMark = "delete.after-mark";
    public const string DeleteAfterIntent = "delete.after-intent";
    public const string DeleteAfterFirstDestroy = "delete.after-first-destroy";
    public const string DeleteAfterDestroy = "delete.after-destroy";
    public const string DeleteAfterPersist = "delete.after-persist";
    public const string DeleteAfterRemove = "delete.after-remove";

    public const string ShareBeforeStorage = "share.before-storage";
    public const string ShareAfterStorage = "share.after-storage";
    public const string ShareAfterPersist = "share.after-persist";
    public const string ShareAfterProject = "share.after-project";

    public const string RenameAfterReserve = "rename.after-reserve";
    public const string RenameAfterPersist = "rename.after-persist";
    public const string RenameAfterStorage = "rename.after-storage";

    public const string ReceiveBeforeStorage = "receive.before-storage";
    public const string ReceiveAfterStorage = "receive.after-storage";
    public const string ReceiveAfterPersist = "receive.after-persist";

    public const string HandoverBeforeUnmount = "handover.before-unmount";
    public const string HandoverAfterUnmount = "handover.after-unmount";
    public const string HandoverAfterCommit = "handover.after-commit";
    public const string HandoverAfterSync = "handover.after-sync";
    public const string HandoverAfterMove = "handover.after-move";

    public const string InterruptAfterNote = "interrupt.after-note";
    public const string InterruptAfterStop = "interrupt.after-stop";
    public const string SwitchAfterRepoint = "switch.after-repoint";
    public const string StartAgainBefore = "start-again.before";
    public const string StartAgainAfterFirst = "start-again.after-first";

    /// <summary>Containers that are stopped for an operation.</summary>
    public static IReadOnlyList<string> Interrupt { get; } =
        [InterruptAfterNote, InterruptAfterStop, SwitchAfterRepoint, StartAgainBefore, StartAgainAfterFirst];

    public static IReadOnlyList<string> Handover { get; } =
        [HandoverBeforeUnmount, HandoverAfterUnmount, HandoverAfterCommit, HandoverAfterSync, HandoverAfterMove];

    public static IReadOnlyList<string> Create { get; } =
    [
        CreateAfterReserve, CreateAfterStorage, CreateAfterInitialCommit, CreateAfterPersist, CreateAfterProject,
    ];

    public static IReadOnlyList<string> Commit { get; } = [CommitBeforeStorage, CommitAfterStorage, CommitAfterPersist];

    public static IReadOnlyList<string> Branch { get; } =
        [BranchBeforeStorage, BranchAfterStorage, BranchAfterPersist, BranchAfterProject];

    public static IReadOnlyList<string> Rollback { get; } =
        [RollbackAfterMark, RollbackAfterIntent, RollbackAfterStorage, RollbackAfterPersist, RollbackAfterProject];

    public static IReadOnlyList<string> Stash { get; } =
        [StashAfterMark, StashAfterIntent, StashAfterStorage, StashAfterPersist, StashAfterProject];

    public static IReadOnlyList<string> Delete { get; } =
    [
        DeleteAfterMark, DeleteAfterIntent, DeleteAfterFirstDestroy, DeleteAfterDestroy, DeleteAfterPersist, DeleteAfterRemove,
    ];

    public static IReadOnlyList<string> Share { get; } =
        [ShareBeforeStorage, ShareAfterStorage, ShareAfterPersist, ShareAfterProject];

    public static IReadOnlyList<string> Rename { get; } = [RenameAfterReserve, RenameAfterPersist, RenameAfterStorage];

    /// <summary>Commits of another cluster.</summary>
    public static IReadOnlyList<string> Receive { get; } = [ReceiveBeforeStorage, ReceiveAfterStorage, ReceiveAfterPersist];

    public static IReadOnlyList<string> All { get; } =
        [.. Create, .. Commit, .. Branch, .. Rollback, .. Stash, .. Delete, .. Share, .. Rename, .. Handover, .. Receive, .. Interrupt];
}
