using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Replication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc.Nodes;

/// <summary>
/// Answers the other nodes of the cluster, on a listener of its own: <c>POST /node/WHAT</c>. Who does not share the cluster's
/// secret gets 401 and learns nothing; what is refused is a 409 with the reason.
/// </summary>
public sealed partial class NodeEndpoints(NodeSignature signature, ILogger<NodeEndpoints> log)
{
    public const string Commits = "/node/commits";
    public const string CommitSizes = "/node/commit-sizes";
    public const string Reports = "/node/reports";
    public const string Dump = "/node/dump";
    public const string Describe = "/node/describe";

    private const int MaxBody = 16 << 20;

    private volatile INodeAnswers? _answers;
    private volatile IReplicaAnswers? _replicas;

    /// <summary>From now on there is somebody to ask.</summary>
    public void Serve(INodeAnswers answers) => _answers = answers;

    /// <summary>The same for copies.</summary>
    public void Serve(IReplicaAnswers replicas) => _replicas = replicas;

    public async Task Handle(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentLength is not { } length || length > MaxBody)
        {
            context.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
            return;
        }

        var body = new byte[length];
        await request.Body.ReadExactlyAsync(body, context.RequestAborted);
        if (!signature.Accepts(request.Headers.Authorization, request.Method, request.Path, body))
        {
            log.LogWarning("{Peer} asked {Path} without knowing the cluster's secret", context.Connection.RemoteIpAddress, request.Path);
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        }
        else if (_answers is not { } answers)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
        else
        {
            await Answer(context, answers, body);
        }
    }

    private async Task Answer(HttpContext context, INodeAnswers answers, byte[] body)
    {
        try
        {
            switch (context.Request.Path.Value)
            {
                case Commits:
                    await Write(
                        context, [.. answers.Commits(Single(body)).Select(CommitWire.From)], NodeJson.Default.ImmutableArrayCommitWire);
                    break;
                case CommitSizes:
                    var sizes = await answers.CommitSizes(Single(body), context.RequestAborted);
                    await Write(
                        context,
                        sizes.Then<ImmutableArray<CommitSizeWire>>(found => found.Select(CommitSizeWire.From).ToImmutableArray()),
                        NodeJson.Default.ImmutableArrayCommitSizeWire);
                    break;
                case Reports:
                    var asked = Read(body, NodeJson.Default.FilesystemsWire).Filesystems;
                    var reports = await answers.Reports([.. asked.Select(id => new FilesystemId(id))], context.RequestAborted);
                    await Write(context, [.. reports.Select(ReportWire.From)], NodeJson.Default.ImmutableArrayReportWire);
                    break;
                case Dump:
                    await Write(
                        context,
                        answers.Dump(Read(body, NodeJson.Default.PrefixWire).Prefix),
                        NodeJson.Default.ImmutableSortedDictionaryStringString);
                    break;
                case Describe:
                    await Write(context, await answers.Describe(context.RequestAborted), NodeJson.Default.NodeDescription);
                    break;
                case var path when path!.StartsWith("/node/transfer/", StringComparison.Ordinal):
                    await AnswerTransfers(context, body);
                    break;
                default:
                    await AnswerReplicas(context, body);
                    break;
            }
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
        }
    }

    private static FilesystemId Single(byte[] body) => new(Read(body, NodeJson.Default.FilesystemsWire).Filesystems.Single());

    private static T Read<T>(byte[] body, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(body, type) ?? throw new JsonException("null");

    private static Task Write<T>(HttpContext context, T answer, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, answer, type, context.RequestAborted);
    }
}
