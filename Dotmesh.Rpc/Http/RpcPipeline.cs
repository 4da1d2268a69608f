using System.Net;
using Dotmesh.Actors;
using Dotmesh.Actors.Users;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Streams;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc.Http;

/// <summary>
/// The HTTP side of the API: <c>/rpc</c>, <c>/check</c>, <c>/status</c>, <c>/health/live</c>, <c>/health/ready</c> and
/// <c>/metrics</c>. One per node, both listeners feed it; see <see cref="RpcServer"/>. Every JSON-RPC request ends with status
/// 200 and an answer, or 401, 405 or 415 as contract 1.4 and 1.5 have them.
/// </summary>
public sealed partial class RpcPipeline : IDisposable
{
    /// <summary>What whoever guesses is told, instead of an answer.</summary>
    public const string Crowded = "Too many logins from this address wait for an answer because others failed: wait some seconds and try again.";

    private const string PlainText = "text/plain; charset=utf-8";

    private readonly RpcServices _services;
    private readonly CallRunner _runner;
    private readonly InfoPages _pages;
    private readonly ReplyPool _replies = new();
    private readonly EnvelopeLimits _limits;
    private readonly InFlight _inFlight = new();
    private readonly Logins _logins;
    private readonly StreamEndpoints _streams;
    private readonly ILogger _log;

    public RpcPipeline(RpcServices services)
    {
        _services = services;
        _log = services.Logs.CreateLogger("Dotmesh.Http");
        Metrics = new RpcMetrics(services);
        Methods = new MethodTable();
        _runner = new CallRunner(services, Methods, Metrics, _inFlight);
        _limits = new EnvelopeLimits(services.Settings.MaxBatch, services.Settings.MaxDepth);
        _pages = new InfoPages(services, Metrics);
        _logins = new Logins(services, _log);
        _streams = new StreamEndpoints(services, _logins, _log);
    }

    public RpcMetrics Metrics { get; }

    public MethodTable Methods { get; }

    /// <summary>JSON-RPC requests that are worked on now, those included that were answered as expired meanwhile.</summary>
    public int InFlight => _inFlight.Count;

    /// <summary>Answers what is the API's and passes everything else on.</summary>
    public async Task Handle(HttpContext context, RequestDelegate next)
    {
        var started = _services.Clock.GetTimestamp();
        var path = context.Request.Path.Value ?? "";
        var requestId = RequestIds.Of(context.Request, _services.Ids);
        context.Response.Headers["X-Request-Id"] = requestId;
        var known = true;
        try
        {
            if (path == "/rpc")
            {
                await Rpc(context, requestId);
            }
            else if (StreamEndpoints.Serves(path))
            {
                await _streams.Handle(context);
            }
            else if (!await _pages.TryAnswer(path, context))
            {
                known = false;
                await next(context);
            }
        }
        catch (Exception gone) when (context.RequestAborted.IsCancellationRequested || gone is IOException)
        {
            LogGone(_log, path, requestId);
        }
        finally
        {
            Metrics.Answered(
                known ? Urls.Sanitise(path) : "*",
                RequestIds.KnownMethod(context.Request.Method),
                context.Response.StatusCode,
                _services.Clock.GetElapsedTime(started));
        }
    }

    /// <summary>
    /// Who somebody is by name and password, for a page to sign in at. An API key is refused, and who guesses is slowed down, as everywhere.
    /// </summary>
    /// <param name="from">The address of whoever asks.</param>
    /// <returns>Null, and whether that was for the number of those who wait, where it is not right.</returns>
    public async Task<(Caller? Caller, bool Crowded)> SignIn(string user, string password, IPAddress from, CancellationToken ct)
    {
        var login = await _logins.Authenticate(user, password, from, passwordOnly: true, ct);
        return (login.Caller, login.Crowded);
    }

    public void Dispose()
    {
        Metrics.Dispose();
        _replies.Dispose();
        _logins.Dispose();
    }

    private async Task Rpc(HttpContext context, string requestId)
    {
        var login = await _logins.Authenticate(context);
        if (login.Crowded)
        {
            await Plain(
                context,
                StatusCodes.Status429TooManyRequests,
                Crowded + "\n");
            return;
        }

        if (login.Caller is not { } caller)
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            await Plain(context, StatusCodes.Status401Unauthorized, "Unauthorized.\n");
            return;
        }

        var request = context.Request;
        if (!HttpMethods.IsPost(request.Method))
        {
            await Plain(
                context, StatusCodes.Status405MethodNotAllowed, $"rpc: POST method required, received {request.Method}");
            return;
        }

        if (!IsJson(request.ContentType, out var mediaType))
        {
            await Plain(
                context, StatusCodes.Status415UnsupportedMediaType, $"rpc: unrecognized Content-Type: {mediaType}");
            return;
        }

        var overloaded = _inFlight.Enter() > _services.Settings.MaxInFlight;
        try
        {
            await Answer(context, caller, requestId, overloaded);
        }
        catch (Exception bug) when (!context.Response.HasStarted && bug is not (OperationCanceledException or IOException))
        {
            // a defect here must not become a 5xx or a closed connection either
            LogBug(_log, bug, requestId);
            using var reply = new ReplyBuffer();
            reply.Error(RpcError.Internal(requestId), requestId, default);
            await Write(context, reply, ran: false);
        }
        finally
        {
            _inFlight.Leave();
        }
    }

    /// <summary>The media type is what stands before <c>;</c>, in lower case and not trimmed (contract 1.5).</summary>
    private static bool IsJson(string? contentType, out string mediaType)
    {
        if (contentType == "application/json")
        {
            mediaType = contentType;
            return true;
        }

        mediaType = (contentType ?? "").Split(';')[0].ToLowerInvariant();
        return mediaType == "application/json";
    }

    private static async Task Plain(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = PlainText;
        await context.Response.WriteAsync(text, context.RequestAborted);
    }

    private async Task Answer(HttpContext context, Caller caller, string requestId, bool overloaded)
    {
        var reply = _replies.Rent();
        var body = default(BodyReader.Body);
        try
        {
            body = await BodyReader.Read(context.Request, _services.Settings.MaxBodyBytes);
            var parsed = body.TooLarge
                ? new RequestBody(
                    default,
                    null,
                    RpcError.Request($"The request body is larger than {_services.Settings.MaxBodyBytes} bytes."))
                : EnvelopeReader.Read(body.Bytes, _limits);
            var ran = overloaded ? Overloaded(parsed, requestId, reply) : await Run(parsed, context, caller, requestId, reply);
            body.Release();
            await Write(context, reply, ran);
        }
        finally
        {
            body.Release();
            _replies.Return(reply);
        }
    }

    /// <summary>True when a method was run.</summary>
    private async ValueTask<bool> Run(
        RequestBody body, HttpContext context, Caller caller, string requestId, ReplyBuffer reply)
    {
        if (body.Error is not null)
        {
            reply.Error(body.Error, requestId, default);
            return false;
        }

        var reference = context.Features.Get<ReferenceListener>() is not null;
        using var deadline = _runner.Deadline();
        if (body.Batch is null)
        {
            return await _runner.Run(body.Single, caller, requestId, reference, deadline, reply);
        }

        // one after the other: a batch that creates and then commits means that order
        var ran = false;
        var begun = false;
        foreach (var call in body.Batch)
        {
            var at = reply.Length;
            reply.Raw(at == 0 ? "["u8 : ","u8);
            var before = reply.Length;
            if (begun && NotBegun(deadline) is { } refusal)
            {
                CallRunner.Refuse(call, RpcError.From(refusal), requestId, reply);
            }
            else
            {
                ran |= await _runner.Run(call, caller, requestId, reference, deadline, reply);
            }

            begun = true;
            if (reply.Length == before)
            {
                reply.Truncate(at);
            }
        }

        if (reply.Length > 0)
        {
            reply.Raw("]"u8);
        }

        return ran;
    }

    /// <summary>Why the rest of a batch is left; a request that has come is answered whatever happens.</summary>
    private Refusal? NotBegun(RequestDeadline deadline) =>
        deadline.Passed ? Refusals.ExpiredInQueue() : _services.Stopping() ? Refusals.NodeStopping() : null;

    private bool Overloaded(RequestBody body, string requestId, ReplyBuffer reply)
    {
        var error = new RpcError(
            RpcCodes.Application,
            $"overloaded: {_services.Settings.MaxInFlight} requests are being answered. Nothing was done; try again in a moment.",
            "overloaded");
        if (body.Batch is not null || !body.Single.IsNotification || body.Error is not null)
        {
            reply.Error(body.Error ?? error, requestId, body.Single.Id.Span);
        }

        return false;
    }

    private static async ValueTask Write(HttpContext context, ReplyBuffer reply, bool ran)
    {
        var response = context.Response;
        if (reply.Length == 0)
        {
            response.ContentLength = 0;
            return;
        }

        reply.Raw("\n"u8);
        response.ContentType = "application/json; charset=utf-8";
        if (ran)
        {
            response.Headers.XContentTypeOptions = "nosniff";
        }

        response.ContentLength = reply.Length;
        await response.BodyWriter.WriteAsync(reply.Written, context.RequestAborted);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The client of {Path} went away (request {RequestId})")]
    private static partial void LogGone(ILogger log, string path, string requestId);

    [LoggerMessage(Level = LogLevel.Error, Message = "A request could not be answered (request {RequestId})")]
    private static partial void LogBug(ILogger log, Exception bug, string requestId);
}
