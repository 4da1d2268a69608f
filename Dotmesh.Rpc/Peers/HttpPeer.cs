using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Peers;

/// <summary>Another cluster over HTTP: the methods that original servers of the last era and ours have in common.</summary>
internal sealed partial class HttpPeer(PeerCall call) : IPeer
{
    private static readonly byte[] None = "null"u8.ToArray();

    public string Url => call.Url;

    public async Task<Outcome<ImmutableArray<string>>> Formats(CancellationToken ct)
    {
        var question = new PeerQuestion(StreamFormats.Method, None, call.Limits.Call, call.Limits.MostReplyBytes);
        var formats = await call.Ask(question, PeerReplies.Formats, ct);
        return formats.Refused(out var refusal) && PeerErrors.IsUnknownMethod(refusal) ? ImmutableArray.Create(StreamFormats.ZfsSend) : formats;
    }

    public Task<Outcome<FilesystemId?>> Exists(string @namespace, string name, string branch, CancellationToken ct) => Ask(
        "Exists", new NameTriple(@namespace, name, branch), PeerJson.Default.NameTriple, PeerReplies.FilesystemOrNone, ct);

    public Task<Outcome<UncheckedPath>> Path(string @namespace, string name, string branch, CancellationToken ct) => Ask(
        "DeducePathToTopLevelFilesystem", new DeducePathWire(@namespace, name, branch), PeerJson.Default.DeducePathWire, PeerReplies.Path, ct);

    public Task<Outcome<Done>> Register(TransferPath path, CancellationToken ct) => Ask(
        "RegisterFilesystem", RegisterFilesystemWire.Of(path), PeerJson.Default.RegisterFilesystemWire, PeerReplies.Anything, ct);

    public Task<Outcome<ImmutableArray<CommitProperties>>> Commits(FilesystemId filesystem, CancellationToken ct) => Ask(
        "CommitsById", filesystem.Value, PeerJson.Default.String, PeerReplies.Commits, ct, mostBytes: call.Limits.MostCommitsBytes);

    public Task<Outcome<long>> DirtyBytes(FilesystemId filesystem, CancellationToken ct) =>
        Ask("Get", filesystem.Value, PeerJson.Default.String, PeerReplies.DirtyBytes, ct);

    public Task<Outcome<ImmutableArray<string>>> Containers(FilesystemId filesystem, CancellationToken ct) =>
        Ask("ContainersById", filesystem.Value, PeerJson.Default.String, PeerReplies.Containers, ct);

    public Task<Outcome<Done>> Commit(string @namespace, string name, string branch, string message, CancellationToken ct) => Ask(
        "Commit", new CommitRequestWire(@namespace, name, branch, message), PeerJson.Default.CommitRequestWire, PeerReplies.Anything, ct);

    public Task<Outcome<Done>> StashAfter(FilesystemId filesystem, CommitId after, CancellationToken ct) => Ask(
        "StashAfter", new StashWire(filesystem.Value, after.Value), PeerJson.Default.StashWire, PeerReplies.Anything, ct);

    public Task<Outcome<Done>> RegisterTransfer(TransferRecord record, CancellationToken ct) => Ask(
        "RegisterTransfer", TransferPoll.From(record), PeerJson.Default.TransferPoll, PeerReplies.Anything, ct, call.Limits.Ready);

    public Task<Outcome<long>> PredictSize(StreamRange range, CancellationToken ct) =>
        Ask("PredictSize", Wire(range), PeerJson.Default.PredictSizeWire, PeerReplies.Bytes, ct, call.Limits.Predict);

    public async Task<Outcome<string?>> ResumePoint(StreamRange range, CancellationToken ct)
    {
        var point = await Ask("ResumePoint", Wire(range), PeerJson.Default.PredictSizeWire, PeerReplies.ResumePoint, ct);
        return point.Refused(out var refusal) && PeerErrors.IsUnknownMethod(refusal) ? default(string?) : point;
    }

    private static PredictSizeWire Wire(StreamRange range)
    {
        // an original looks at the commit's text alone: it has to name the filesystem of an origin, as the stream's path does
        var from = range.From is null ? "" : StreamStart.Of(range).ToString();
        return new PredictSizeWire(range.From?.Filesystem.Value ?? "", from, range.Filesystem.Value, range.To.Value);
    }

    private Task<Outcome<TAnswer>> Ask<TParams, TAnswer>(
        string method,
        TParams parameters,
        JsonTypeInfo<TParams> type,
        Func<JsonElement, Outcome<TAnswer>> read,
        CancellationToken ct,
        TimeSpan? limit = null,
        int? mostBytes = null) => call.Ask(
            new PeerQuestion(
                $"DotmeshRPC.{method}",
                JsonSerializer.SerializeToUtf8Bytes(parameters, type),
                limit ?? call.Limits.Call,
                mostBytes ?? call.Limits.MostReplyBytes),
            read,
            ct);
}
