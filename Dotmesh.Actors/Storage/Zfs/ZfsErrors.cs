namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>From what <c>zfs</c> and <c>zpool</c> print on stderr to a failure. What is not known stays unexpected.</summary>
internal static class ZfsErrors
{
    // the first match decides, so the particular stands before the general
    private static readonly (string Text, StorageFailure Failure)[] Known =
    [
        ("currently suspended", StorageFailure.PoolSuspended),
        ("I/O is suspended", StorageFailure.PoolSuspended),
        ("out of space", StorageFailure.PoolFull),
        ("No space left", StorageFailure.PoolFull),
        ("no space left", StorageFailure.PoolFull),
        ("quota exceeded", StorageFailure.PoolFull),
        ("zfs-fuse daemon is running", StorageFailure.PoolMissing),
        ("ZFS modules are not loaded", StorageFailure.PoolMissing),
        ("/dev/zfs", StorageFailure.PoolMissing),
        ("no such pool", StorageFailure.PoolMissing),
        ("has dependent clones", StorageFailure.HasDependents),
        ("snapshot has dependents", StorageFailure.HasDependents),
        ("clones of previous snapshots exist", StorageFailure.HasDependents),
        ("has children", StorageFailure.HasDependents),
        ("has been modified", StorageFailure.Modified),
        ("does not match incremental source", StorageFailure.BadStream),
        ("invalid backup stream", StorageFailure.BadStream),
        ("invalid stream", StorageFailure.BadStream),
        ("checksum mismatch", StorageFailure.BadStream),
        ("failed to read from stream", StorageFailure.BadStream),
        ("incomplete stream", StorageFailure.BadStream),
        ("local origin for clone", StorageFailure.BadStream),
        ("stream has unsupported feature", StorageFailure.BadStream),
        ("newer version", StorageFailure.PoolIncompatible),
        ("unsupported version", StorageFailure.PoolIncompatible),
        ("permission denied", StorageFailure.AccessDenied),
        ("Permission denied", StorageFailure.AccessDenied),
        ("Operation not permitted", StorageFailure.AccessDenied),
        ("must be superuser", StorageFailure.AccessDenied),
        ("already exists", StorageFailure.AlreadyExists),
        ("conflicts with", StorageFailure.AlreadyExists),
        ("does not exist", StorageFailure.NotFound),
        ("could not find any snapshots", StorageFailure.NotFound),
        ("is busy", StorageFailure.Busy),
        ("it's being held", StorageFailure.Busy),
        ("umount failed", StorageFailure.Busy),
        ("unsupported operation", StorageFailure.Unsupported),
    ];

    public static StorageFailure Classify(string stderr)
    {
        foreach (var (text, failure) in Known)
        {
            if (stderr.Contains(text, StringComparison.Ordinal))
            {
                return failure;
            }
        }

        return StorageFailure.Unexpected;
    }

    /// <summary>What to do about it; the tools say at best what and why.</summary>
    public static string Advice(StorageFailure failure, string pool) => failure switch
    {
        StorageFailure.PoolFull =>
            $"The pool '{pool}' is full: remove files, branches or dots, or give it more space, and try again.",
        StorageFailure.PoolSuspended =>
            $"The pool '{pool}' does no I/O because a device of it failed: bring the device back and run 'zpool clear {pool}'; 'zpool status {pool}' tells more.",
        StorageFailure.PoolMissing =>
            $"The pool '{pool}' is not there: start the ZFS service, import the pool (zpool import {pool}) or name another one.",
        StorageFailure.AccessDenied => "Run the node as root, or let its user work on the pool (zfs allow).",
        StorageFailure.Busy => "End the programs that use it, and try again.",
        StorageFailure.CommandKilled =>
            "Somebody or the kernel (out of memory?) ended the program before it was done; try again.",
        StorageFailure.CommandStalled => $"Look at 'zpool status {pool}' for a device that does not answer, and try again.",
        _ => "",
    };
}
