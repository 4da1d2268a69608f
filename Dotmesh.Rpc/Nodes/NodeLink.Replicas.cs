using System.Collections.Immutable;
using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors;
using Dotmesh.Actors.Replication;

namespace Dotmesh.Rpc.Nodes;

/// <summary>The questions about copies.</summary>
public sealed partial class NodeLink
{
    private static readonly TimeSpan StallAfter = TimeSpan.FromSeconds(30);

    public Task<Outcome<DotHoldings>> Holdings(StorageNodeId node, HoldingsQuery query, CancellationToken ct) =>
        Ask(node, NodeEndpoints.Holdings, query, NodeJson.Default.HoldingsQuery, NodeJson.Default.DotHoldings, ct);

    public Task<Outcome<Done>> Fetch(
        StorageNodeId node, FetchRequest request, Func<Stream, CancellationToken, Task> read, CancellationToken ct) =>
        FetchFrom(node, NodeEndpoints.CommitStream, request, NodeJson.Default.FetchRequest, read, ct);

    private async Task<Outcome<Done>> FetchFrom<TQuestion>(
        StorageNodeId node, string path, TQuestion question, JsonTypeInfo<TQuestion> type, Func<Stream, CancellationToken, Task> read,
        CancellationToken ct)
    {
        try
        {
            using var response = await Send(node, path, question, type, ct);
            if (await Refusal(response, node, ct) is { } refusal)
            {
                return refusal;
            }

            await using var stream = new StallingStream(await response!.Content.ReadAsStreamAsync(ct), StallAfter);
            await read(stream, ct);
            return default(Done);
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or ObjectDisposedException)
        {
            return Refusals.NodeSilent(node, failure.Message);
        }
    }

    public Task<Outcome<ImmutableArray<DotVersion>>> Controlled(StorageNodeId node, CancellationToken ct) => Ask(
        node, NodeEndpoints.Controlled, new PrefixWire(""), NodeJson.Default.PrefixWire, NodeJson.Default.ImmutableArrayDotVersion, ct);

    public Task<Outcome<ImmutableArray<HeldFilesystem>>> Held(
        StorageNodeId node, ImmutableArray<FilesystemId> filesystems, CancellationToken ct) => Ask(
            node, NodeEndpoints.Held, new FilesystemsWire([.. filesystems.Select(id => id.Value)]), NodeJson.Default.FilesystemsWire,
            NodeJson.Default.ImmutableArrayHeldFilesystem, ct);

    public Task<Outcome<Done>> Sync(StorageNodeId node, FilesystemId dot, long epoch, CancellationToken ct) =>
        Ask(node, NodeEndpoints.Sync, new SyncWire(dot, epoch), NodeJson.Default.SyncWire, NodeJson.Default.Done, ct);

    public Task<Outcome<Done>> HandIn(StorageNodeId node, HandInRequest request, CancellationToken ct) =>
        Ask(node, NodeEndpoints.HandIn, request, NodeJson.Default.HandInRequest, NodeJson.Default.Done, ct);
}
