using Dotmesh.Actors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc.Nodes;

/// <summary>The questions about copies.</summary>
public sealed partial class NodeEndpoints
{
    public const string Holdings = "/node/holdings";
    public const string CommitStream = "/node/stream";
    public const string Controlled = "/node/controlled";
    public const string Held = "/node/held";
    public const string Sync = "/node/sync";
    public const string HandIn = "/node/hand-in";

    private async Task AnswerReplicas(HttpContext context, byte[] body)
    {
        if (_replicas is not { } replicas)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        var ct = context.RequestAborted;
        switch (context.Request.Path.Value)
        {
            case Holdings:
                await Write(context, await replicas.Holdings(Read(body, NodeJson.Default.HoldingsQuery), ct), NodeJson.Default.DotHoldings);
                break;
            case CommitStream:
                var fetch = Read(body, NodeJson.Default.FetchRequest);
                await Send(context, $"stream of {fetch.Range.Filesystem}", output => replicas.Send(fetch, output, ct));
                break;
            case Controlled:
                await Write(context, replicas.Controlled(), NodeJson.Default.ImmutableArrayDotVersion);
                break;
            case Held:
                var asked = Read(body, NodeJson.Default.FilesystemsWire).Filesystems;
                await Write(
                    context, replicas.Held([.. asked.Select(id => new FilesystemId(id))]), NodeJson.Default.ImmutableArrayHeldFilesystem);
                break;
            case Sync:
                var sync = Read(body, NodeJson.Default.SyncWire);
                await Write(context, await replicas.Sync(sync.Dot, sync.Epoch, ct), NodeJson.Default.Done);
                break;
            case HandIn:
                await Write(context, await replicas.HandIn(Read(body, NodeJson.Default.HandInRequest), ct), NodeJson.Default.Done);
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }

    /// <summary>A stream that breaks off ends the connection: the other side must not take a part for the whole.</summary>
    private async Task Send(HttpContext context, string what, Func<Func<Stream>, Task<Outcome<Done>>> send)
    {
        Stream Body()
        {
            context.Response.ContentType = "application/octet-stream";
            return context.Response.Body;
        }

        try
        {
            var sent = await send(Body);
            if (sent.Refused(out var refusal))
            {
                await Write(context, refusal);
            }
        }
        catch (Exception failure)
        {
            log.LogWarning("{What} broke off: {Message}", what, failure.Message);
            context.Abort();
        }
    }

    private static Task Write<T>(HttpContext context, Outcome<T> outcome, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) =>
        outcome.Refused(out var refusal) ? Write(context, refusal) : Write(context, outcome.Value, type);

    private static Task Write(HttpContext context, Refusal refusal)
    {
        context.Response.StatusCode = StatusCodes.Status409Conflict;
        return Write(context, RefusalWire.From(refusal), NodeJson.Default.RefusalWire);
    }
}
