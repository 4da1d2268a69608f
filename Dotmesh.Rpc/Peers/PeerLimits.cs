namespace Dotmesh.Rpc.Peers;

/// <summary>How long another cluster is waited for, and how much it may say.</summary>
public sealed record PeerLimits
{
    /// <summary>Longest text of a peer that is kept, in bytes.</summary>
    public const int MostTextBytes = 4096;

    /// <summary>For an address that is tried, connection included: behind the next one may be somebody who answers.</summary>
    public TimeSpan Probe { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For a question.</summary>
    public TimeSpan Call { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Until a peer is ready for a stream: RegisterTransfer, the first byte of a pull, the beginning of a push.</summary>
    public TimeSpan Ready { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>For PredictSize: a pool that cannot estimate has to make the stream and count.</summary>
    public TimeSpan Predict { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A pull of which no byte came for so long is given up.</summary>
    public TimeSpan PullStall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A push of which no byte went for so long is given up, whether the peer took none or there was none to send.</summary>
    public TimeSpan PushStall { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For the answer to a push whose last byte was sent: the peer's pool may still have to write it all.</summary>
    public TimeSpan PushAnswer { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Longest reply. A path of a thousand branches has half a megabyte.</summary>
    public int MostReplyBytes { get; init; } = 4 << 20;

    /// <summary>Longest list of commits.</summary>
    public int MostCommitsBytes { get; init; } = 64 << 20;
}
