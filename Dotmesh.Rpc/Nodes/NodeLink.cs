using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Rpc.Nodes;

/// <summary>Asks another node over HTTP; see <see cref="NodeEndpoints"/>.</summary>
/// <param name="http">Without a time-out of its own: the caller's token ends a call.</param>
/// <param name="urlOf">Where a node is reached; null when nobody knows.</param>
public sealed partial class NodeLink(HttpClient http, NodeSignature signature, Func<StorageNodeId, string?> urlOf) : INodeLink, IReplicaLink, ITransferLink
{
    public async Task<Outcome<ImmutableArray<StoredCommit>>> Commits(
        StorageNodeId node, FilesystemId filesystem, CancellationToken ct)
    {
        var answer = await Ask(
            node, NodeEndpoints.Commits, new FilesystemsWire([filesystem.Value]), NodeJson.Default.FilesystemsWire,
            NodeJson.Default.ImmutableArrayCommitWire, ct);
        return answer.Then<ImmutableArray<StoredCommit>>(commits => commits.Select(commit => commit.Read()).ToImmutableArray());
    }

    public async Task<Outcome<ImmutableArray<MeasuredCommit>>> CommitSizes(
        StorageNodeId node, FilesystemId filesystem, CancellationToken ct)
    {
        var answer = await Ask(
            node, NodeEndpoints.CommitSizes, new FilesystemsWire([filesystem.Value]), NodeJson.Default.FilesystemsWire,
            NodeJson.Default.ImmutableArrayCommitSizeWire, ct);
        return answer.Then<ImmutableArray<MeasuredCommit>>(sizes => sizes.Select(size => size.Read()).ToImmutableArray());
    }

    public async Task<Outcome<ImmutableArray<FilesystemReport>>> Reports(
        StorageNodeId node, ImmutableArray<FilesystemId> filesystems, CancellationToken ct)
    {
        var answer = await Ask(
            node, NodeEndpoints.Reports, new FilesystemsWire([.. filesystems.Select(id => id.Value)]),
            NodeJson.Default.FilesystemsWire, NodeJson.Default.ImmutableArrayReportWire, ct);
        return answer.Then<ImmutableArray<FilesystemReport>>(reports => reports.Select(report => report.Read()).ToImmutableArray());
    }

    public Task<Outcome<ImmutableSortedDictionary<string, string>>> Dump(
        StorageNodeId node, string prefix, CancellationToken ct) => Ask(
            node, NodeEndpoints.Dump, new PrefixWire(prefix), NodeJson.Default.PrefixWire,
            NodeJson.Default.ImmutableSortedDictionaryStringString, ct);

    public Task<Outcome<NodeDescription>> Describe(StorageNodeId node, CancellationToken ct) => Ask(
        node, NodeEndpoints.Describe, new PrefixWire(""), NodeJson.Default.PrefixWire, NodeJson.Default.NodeDescription, ct);

    private async Task<Outcome<TAnswer>> Ask<TQuestion, TAnswer>(
        StorageNodeId node, string path, TQuestion question, JsonTypeInfo<TQuestion> questionType,
        JsonTypeInfo<TAnswer> answerType, CancellationToken ct)
    {
        try
        {
            using var response = await Send(node, path, question, questionType, ct);
            if (await Refusal(response, node, ct) is { } refusal)
            {
                return refusal;
            }

            await using var stream = await response!.Content.ReadAsStreamAsync(ct);
            return await JsonSerializer.DeserializeAsync(stream, answerType, ct) is { } answer
                ? answer
                : Refusals.NodeSilent(node, "an empty answer");
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or ObjectDisposedException or JsonException)
        {
            return Refusals.NodeSilent(node, failure.Message);
        }
    }

    /// <summary>Null: nobody knows where the node is.</summary>
    private async Task<HttpResponseMessage?> Send<TQuestion>(
        StorageNodeId node, string path, TQuestion question, JsonTypeInfo<TQuestion> type, CancellationToken ct)
    {
        if (urlOf(node) is not { Length: > 0 } url)
        {
            return null;
        }

        var body = JsonSerializer.SerializeToUtf8Bytes(question, type);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(new Uri(url), path)) { Content = new ByteArrayContent(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue(
            NodeSignature.Scheme, signature.Sign(request.Method.Method, path, body));
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
    }

    private static async Task<Refusal?> Refusal(HttpResponseMessage? response, StorageNodeId node, CancellationToken ct)
    {
        if (response is null)
        {
            return Refusals.NodeNotUp(node);
        }

        if (response.StatusCode == HttpStatusCode.Conflict)
        {
            await using var stream = await response.Content.ReadAsStreamAsync(ct);
            return (await JsonSerializer.DeserializeAsync(stream, NodeJson.Default.RefusalWire, ct))?.Read();
        }

        return response.IsSuccessStatusCode ? null : Refusals.NodeSilent(node, $"HTTP status {(int)response.StatusCode}");
    }
}
