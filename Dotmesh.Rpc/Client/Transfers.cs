namespace Dotmesh.Client;

/// <summary>A transfer to begin (contract 3.3).</summary>
/// <param name="Direction"><c>push</c> or <c>pull</c>.</param>
/// <param name="LocalBranch">Empty: master; likewise <paramref name="RemoteBranch"/>.</param>
public sealed record TransferRequest(
    string Direction, Remote Peer, DotName Local, string LocalBranch, DotName Remote, string RemoteBranch)
{
    public const string Push = "push";
    public const string Pull = "pull";

    /// <summary>What diverged on the receiving side is put aside as a branch.</summary>
    public bool StashOnDivergence { get; init; }

    /// <summary>A pull stops the containers here that use what it writes into, and starts them again at its end.</summary>
    public bool StopContainers { get; init; }

    /// <summary>0: no limit.</summary>
    public long MaxBytesPerSecond { get; init; }
}

/// <summary>How a transfer stands (contract 3.4). Size, sent and elapsed are of the current segment.</summary>
public sealed record Transfer
{
    public string TransferRequestId { get; set; } = "";

    public string Peer { get; set; } = "";

    public string User { get; set; } = "";

    public string Direction { get; set; } = "";

    public string LocalNamespace { get; set; } = "";

    public string LocalName { get; set; } = "";

    public string LocalBranchName { get; set; } = "";

    public string RemoteNamespace { get; set; } = "";

    public string RemoteName { get; set; } = "";

    public string RemoteBranchName { get; set; } = "";

    public string FilesystemId { get; set; } = "";

    public string StartingCommit { get; set; } = "";

    public string TargetCommit { get; set; } = "";

    /// <summary>Segment, from 1 to <see cref="Total"/>: one for each branch on the way.</summary>
    public int Index { get; init; }

    public int Total { get; init; }

    public string Status { get; set; } = "";

    public long NanosecondsElapsed { get; init; }

    public long Size { get; init; }

    public long Sent { get; init; }

    public string Message { get; set; } = "";

    public bool IsFinished() => Status == "finished" && Index == Total;

    public bool IsFailed() => Status == "error";

    public bool IsOver() => IsFinished() || IsFailed();

    /// <summary>Of a failed one; read from its text.</summary>
    public FailureKind FailureKind() => DotmeshException.KindOf(null, Message);

    public DotName Local() => new(LocalNamespace, LocalName);

    public DotName Remote() => new(RemoteNamespace, RemoteName);

    /// <summary>Bytes per second of the current segment; null while nothing was sent.</summary>
    public double? Rate() => NanosecondsElapsed > 0 && Sent > 0 ? Sent * 1e9 / NanosecondsElapsed : null;
}

/// <summary>A transfer in the list of a cluster.</summary>
/// <param name="AskedBy">User name.</param>
/// <param name="Node">Who runs it; empty for a push that another cluster announced.</param>
public sealed record TransferEntry(Transfer Transfer, string AskedBy, DateTimeOffset AskedAt, string Node);
