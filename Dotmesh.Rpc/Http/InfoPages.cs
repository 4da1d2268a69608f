using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Dotmesh.Rpc.Http;

/// <summary>Pages without authentication: liveness, readiness, metrics.</summary>
internal sealed class InfoPages(RpcServices services, RpcMetrics metrics)
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(5);

    /// <summary>False when the path is not one of them.</summary>
    public async ValueTask<bool> TryAnswer(string path, HttpContext context)
    {
        switch (path)
        {
            case "/check" or "/status":
                await Text(context, "text/plain; charset=utf-8", "OK"u8.ToArray());
                return true;
            case "/health/live":
                if (Reading(context))
                {
                    await Health(context, []);
                }

                return true;
            case "/health/ready":
                if (Reading(context))
                {
                    await Health(context, await Reasons(context.RequestAborted));
                }

                return true;
            case "/metrics":
                if (Reading(context))
                {
                    context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                    await metrics.Write(context.Response.Body, context.RequestAborted);
                }

                return true;
            default:
                return false;
        }
    }

    private static bool Reading(HttpContext context)
    {
        if (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
        {
            return true;
        }

        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = "GET, HEAD";
        return false;
    }

    private async Task<IReadOnlyList<string>> Reasons(CancellationToken gone)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(gone);
        limit.CancelAfter(ReadyLimit);
        try
        {
            return await services.NotReady(limit.Token).AsTask().WaitAsync(ReadyLimit, services.Clock, gone);
        }
        catch (Exception late) when (late is OperationCanceledException or TimeoutException && !gone.IsCancellationRequested)
        {
            return [$"the node did not tell within {ReadyLimit.TotalSeconds:0} s whether it is ready"];
        }
    }

    private static async Task Health(HttpContext context, IReadOnlyList<string> reasons)
    {
        context.Response.StatusCode =
            reasons.Count == 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        await using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("status"u8, reasons.Count == 0 ? "ok"u8 : "unavailable"u8);
            json.WriteStartArray("reasons"u8);
            foreach (var reason in reasons)
            {
                json.WriteStringValue(reason);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        await Text(context, "application/json; charset=utf-8", bytes.WrittenMemory);
    }

    private static async Task Text(HttpContext context, string type, ReadOnlyMemory<byte> body)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }
}
