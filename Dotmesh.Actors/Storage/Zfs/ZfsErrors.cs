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
}
