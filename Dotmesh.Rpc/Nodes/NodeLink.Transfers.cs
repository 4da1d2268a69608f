using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Rpc.Nodes;

/// <summary>The questions about transfers.</summary>
public sealed partial class NodeLink
{
    public Task<Outcome<Done>> Run(StorageNodeId node, string transfer, CancellationToken ct) => Ask(
        node, NodeEndpoints.RunTransfer, new TransferWire(transfer, ""), NodeJson.Default.TransferWire, NodeJson.Default.Done, ct);

    public Task<Outcome<Done>> Cancel(StorageNodeId node, string transfer, string by, CancellationToken ct) => Ask(
        node, NodeEndpoints.CancelTransfer, new TransferWire(transfer, by), NodeJson.Default.TransferWire, NodeJson.Default.Done, ct);

    public Task<Outcome<Done>> Receive(StorageNodeId node, OfferedStream offer, CancellationToken ct) =>
        Ask(node, NodeEndpoints.ReceiveStream, OfferWire.Of(offer), NodeJson.Default.OfferWire, NodeJson.Default.Done, ct);

    public async Task<Outcome<string?>> ResumePoint(StorageNodeId node, StreamRange range, CancellationToken ct) =>
        (await Ask(node, NodeEndpoints.ResumePoint, range, NodeJson.Default.StreamRange, NodeJson.Default.ResumeWire, ct))
        .Then<string?>(answer => answer.At);

    public Task<Outcome<Done>> FetchOffered(
        StorageNodeId node, string ticket, Func<Stream, CancellationToken, Task> read, CancellationToken ct) =>
        FetchFrom(node, NodeEndpoints.OfferedStream, new TransferWire(ticket, ""), NodeJson.Default.TransferWire, read, ct);
}
