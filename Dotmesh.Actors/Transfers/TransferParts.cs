using System.Collections.Immutable;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Users;

namespace Dotmesh.Actors.Transfers;

/// <param name="BytesPerSecond">What all transfers of this node together may send and receive; 0: no limit.</param>
/// <param name="AtOnce">Transfers that move data at the same time on this node; others wait for their turn.</param>
public sealed record TransferSettings(long BytesPerSecond = 0, int AtOnce = 8)
{
    /// <summary>How often a node looks for transfers that nobody runs: of a node that died, or that lost its dot.</summary>
    public TimeSpan Sweep { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>What transfers need besides the dots.</summary>
/// <param name="Secrets">Seals the keys of peers at rest.</param>
/// <param name="Link">Null where there are no other nodes.</param>
public sealed record TransferServices(
    Database.SqlDatabase Database, SecretBox Secrets, IPeers Peers, ITransferLink? Link, TransferSettings Settings)
{
    /// <summary>Told once there is somebody who answers the other nodes about transfers.</summary>
    public Action<ITransferAnswers> Serve { get; init; } = _ => { };
}

/// <summary>What every transfer of this node works with.</summary>
internal sealed record TransferParts(
    DotEnvironment Env, DotsFacade Dots, IUsers Users, Membership Members, TransferTables Tables, TransferServices Services,
    TransferLimits Limits, Receiver Receiver, JournalReader Journal)
{
    private const string Purpose = "transfer";

    public IPeers Peers => Services.Peers;

    public DateTimeOffset Now => Env.Time.GetUtcNow();

    /// <summary>Formats that this node's storage writes and reads, its own first.</summary>
    public ImmutableArray<string> Formats => Env.Storage.Capabilities.Formats();

    public string Seal(string apiKey, string transfer) => Services.Secrets.Seal(apiKey, $"{Purpose} {transfer}");

    /// <summary>Null when it was sealed with another cluster secret.</summary>
    public string? Unseal(string sealedKey, string transfer) => Services.Secrets.Unseal(sealedKey, $"{Purpose} {transfer}");
}
