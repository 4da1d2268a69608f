namespace Dotmesh.Actors.Storage;

/// <summary>What a storage driver could tell about a failure. What it does not know stays <see cref="Unexpected"/>.</summary>
public enum StorageFailure
{
    /// <summary>Not recognised; the message holds what the tool printed.</summary>
    Unexpected,

    /// <summary>The pool is not imported or its folder is gone.</summary>
    PoolMissing,

    /// <summary>No space left.</summary>
    PoolFull,

    /// <summary>The pool does no I/O until somebody repairs it.</summary>
    PoolSuspended,

    /// <summary>The pool holds data of a newer or foreign format.</summary>
    PoolIncompatible,

    NotFound,

    AlreadyExists,

    /// <summary>In use by a process or a mount.</summary>
    Busy,

    /// <summary>Other filesystems depend on it; the message names them.</summary>
    HasDependents,

    /// <summary>Receive: the target was written to since the base commit.</summary>
    Modified,

    /// <summary>Receive: the stream is truncated, damaged, of another format or does not fit.</summary>
    BadStream,

    /// <summary>A file cannot be kept as it is; the message names it.</summary>
    Unrepresentable,

    /// <summary>This pool cannot do it.</summary>
    Unsupported,

    /// <summary>The node may not do it (permissions).</summary>
    AccessDenied,

    /// <summary>The tool is not installed.</summary>
    CommandMissing,

    /// <summary>The tool was killed by a signal.</summary>
    CommandKilled,

    /// <summary>The tool made no progress and was ended.</summary>
    CommandStalled,
}

/// <summary>A storage failure with what, why and what to do in its message.</summary>
public sealed class StorageException : Exception
{
    public StorageException(StorageFailure failure, string message, Exception? inner = null)
        : base(message, inner) => Failure = failure;

    public StorageFailure Failure { get; }

    /// <summary>The tool was ended from outside, by a kill or because it made no progress: it may have done its work before.</summary>
    public bool WasCut => Failure is StorageFailure.CommandKilled or StorageFailure.CommandStalled;
}
