namespace Dotmesh.Actors.Transfers;

/// <summary>Which way commits go, seen from the cluster that was asked for the transfer.</summary>
public enum TransferDirection
{
    /// <summary>From here to the peer.</summary>
    Push,

    /// <summary>From the peer to here; a clone is a pull of a dot that is not here yet.</summary>
    Pull,
}

/// <summary>The texts of directions (contract 3.3).</summary>
public static class TransferDirections
{
    public static string Text(this TransferDirection direction) => direction == TransferDirection.Push ? "push" : "pull";

    /// <summary>As it was stored.</summary>
    internal static TransferDirection Stored(string text) => text == Text(TransferDirection.Push) ? TransferDirection.Push : TransferDirection.Pull;

    public static Outcome<TransferDirection> Parse(string text) => text switch
    {
        "push" => TransferDirection.Push,
        "pull" => TransferDirection.Pull,
        _ => new Refusal(
            RefusalCode.Invalid, $"Unexpected combination of factors: the direction of a transfer is push or pull, not '{text}'."),
    };
}

/// <summary>
/// What was asked for (contract 3.3). Local names are validated. Remote ones are what the caller wrote: the peer judges them, and says so
/// in its own words (contract 6.2).
/// </summary>
public sealed record TransferRequest
{
    /// <summary>Host without a scheme.</summary>
    public required string Peer { get; init; }

    /// <summary>0: the known ports are tried (contract 1.7).</summary>
    public int Port { get; init; }

    public required string User { get; init; }

    /// <summary>API key or password of the user at the peer. In no text and in no <see cref="TransferRecord"/>.</summary>
    public required string ApiKey { get; init; }

    public required TransferDirection Direction { get; init; }

    public required DotName Local { get; init; }

    /// <summary><c>""</c> for the master branch.</summary>
    public string LocalBranch { get; init; } = "";

    public required string RemoteNamespace { get; init; }

    public required string RemoteName { get; init; }

    public string RemoteBranch { get; init; } = "";

    /// <summary>Reserved: kept, and of no effect.</summary>
    public string TargetCommit { get; init; } = "";

    /// <summary>What stands in the way where data would be written becomes a branch of its own (contract 5.7).</summary>
    public bool StashDivergence { get; init; }

    /// <summary>
    /// A pull stops the containers here that use what it writes into, and starts them again at its end. Not known to original clients; without
    /// it such containers are in the way (contract 6.2).
    /// </summary>
    public bool StopContainers { get; init; }

    /// <summary>Nobody is stopped from here on another cluster.</summary>
    public bool StopsContainersHere => StopContainers && Direction == TransferDirection.Pull;

    /// <summary>No faster than this; 0: as fast as the node's own limit allows. Not known to original clients.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>As the original printed it in messages, without the secret.</summary>
    public override string ToString() =>
        $"{{Peer:{Peer} User:{User} Port:{Port} ApiKey:<redacted> Direction:{Direction.Text()} "
        + $"LocalNamespace:{Local.Namespace} LocalName:{Local.Name} LocalBranchName:{LocalBranch} "
        + $"RemoteNamespace:{RemoteNamespace} RemoteName:{RemoteName} RemoteBranchName:{RemoteBranch} "
        + $"TargetCommit:{TargetCommit} StashDivergence:{(StashDivergence ? "true" : "false")}}}";
}
