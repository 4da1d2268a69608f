using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>A stream that another cluster pushes to one node, while another one controls the dot: that one fetches it.</summary>
/// <param name="Ticket">What it is fetched by.</param>
/// <param name="From">Where it is fetched.</param>
/// <param name="Format">As <see cref="StorageCapabilities.StreamFormat"/>.</param>
/// <param name="Commits">Metadata of the commits where the stream has none.</param>
public sealed record OfferedStream(
    string Ticket, StorageNodeId From, FilesystemId Dot, StreamRange Range, string BranchName, string Format,
    ImmutableArray<CommitProperties>? Commits, string By);

/// <summary>What the nodes of one cluster ask each other about transfers, over HTTP. Refusals name the node.</summary>
public interface ITransferLink
{
    /// <summary>The node runs the transfer, which is in the database.</summary>
    Task<Outcome<Done>> Run(StorageNodeId node, string transfer, CancellationToken ct);

    /// <summary>Answers when the transfer has ended.</summary>
    Task<Outcome<Done>> Cancel(StorageNodeId node, string transfer, string by, CancellationToken ct);

    /// <summary>Answers when the controlling node has taken the stream in.</summary>
    Task<Outcome<Done>> Receive(StorageNodeId node, OfferedStream offer, CancellationToken ct);

    /// <summary><see cref="IStorage.ResumePoint"/> of the node's pool.</summary>
    Task<Outcome<string?>> ResumePoint(StorageNodeId node, StreamRange range, CancellationToken ct);

    /// <summary>Has <paramref name="read"/> read a stream that the node offers; what it throws comes through.</summary>
    Task<Outcome<Done>> FetchOffered(
        StorageNodeId node, string ticket, Func<Stream, CancellationToken, Task> read, CancellationToken ct);
}

/// <summary>The other side of <see cref="ITransferLink"/>.</summary>
public interface ITransferAnswers
{
    Task<Outcome<Done>> Run(string transfer, CancellationToken ct);

    Task<Outcome<Done>> Cancel(string transfer, string by, CancellationToken ct);

    Task<Outcome<Done>> Receive(OfferedStream offer, CancellationToken ct);

    /// <summary>Of this node's pool.</summary>
    Task<Outcome<string?>> ResumePoint(StreamRange range, CancellationToken ct);

    /// <summary>Refused before the first byte, or an exception in the middle.</summary>
    Task<Outcome<Done>> SendOffered(string ticket, Func<Stream> output, CancellationToken ct);
}
