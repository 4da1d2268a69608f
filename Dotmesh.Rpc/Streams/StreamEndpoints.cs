using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Actors.Users;
using Dotmesh.Rpc.Http;
using Dotmesh.Rpc.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc.Streams;

/// <summary>
/// <c>GET</c> and <c>POST /filesystems/FILESYSTEM/FROM/TO</c> (contract 6.4): commits as one stream, for clusters that push and pull. There is
/// no limit to the size and none to the time, as long as bytes move.
/// </summary>
internal sealed class StreamEndpoints(RpcServices services, Logins logins, ILogger log)
{
    public const string Prefix = "/filesystems/";

    private const int Parts = 3;
    private const string PlainText = "text/plain; charset=utf-8";

    private static readonly TimeSpan StallAfter = TimeSpan.FromSeconds(60);

    public static bool Serves(string path) => path.StartsWith(Prefix, StringComparison.Ordinal) && path[Prefix.Length..].Split('/').Length == Parts;

    public async Task Handle(HttpContext context)
    {
        var (get, post) = (HttpMethods.IsGet(context.Request.Method), HttpMethods.IsPost(context.Request.Method));
        if (!get && !post)
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        var login = await logins.Authenticate(context);
        if (login.Caller is not { } caller)
        {
            await Plain(
                context, login.Crowded ? StatusCodes.Status429TooManyRequests : StatusCodes.Status401Unauthorized, "Unauthorized.\n");
            return;
        }

        if (services.Out() is { } refusal)
        {
            await Plain(context, StatusCodes.Status503ServiceUnavailable, refusal.Message);
        }
        else if (services.Transfers is not { } transfers)
        {
            await Plain(context, StatusCodes.Status404NotFound, "This node makes no transfers.");
        }
        else if (Range(context.Request.Path.Value!).Refused(out refusal))
        {
            await Plain(context, StatusCodes.Status400BadRequest, refusal.Message);
        }
        else if (get && context.Request.Headers[StreamFormats.ResumeHeader].ToString() is { Length: > 0 } resume && !StreamFormats.IsPlace(resume))
        {
            await Plain(
                context, StatusCodes.Status400BadRequest, $"{StreamFormats.ResumeHeader} must be what ResumePoint answers: letters, digits and hyphens.");
        }
        else if (get)
        {
            await Send(context, transfers, caller);
        }
        else
        {
            await Receive(context, transfers, caller);
        }
    }

    internal static Outcome<StreamRange> Range(string path)
    {
        var parts = path[Prefix.Length..].Split('/');
        return Names.Filesystem(parts[0]).Then(filesystem =>
            StreamStart.Parse(parts[1]).Then(from =>
                Names.Commit(parts[2]).Then<StreamRange>(to => from.To(filesystem, to))));
    }

    private static string Format(HttpRequest request) =>
        request.Headers[StreamFormats.Header] is [{ Length: > 0 } format] ? format : StreamFormats.ZfsSend;

    private static async Task Plain(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = PlainText;
        await context.Response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>A stream that breaks off ends the connection: the other side must not take a part for the whole.</summary>
    private async Task Send(HttpContext context, ITransfers transfers, Caller caller)
    {
        var format = Format(context.Request);
        Stream Body()
        {
            context.Response.ContentType = "application/octet-stream";
            context.Response.Headers[StreamFormats.Header] = format;
            Unhurried(context);
            return new StallingWriter(context.Response.Body, StallAfter);
        }

        var range = Range(context.Request.Path.Value!).Value;
        var resume = context.Request.Headers[StreamFormats.ResumeHeader].ToString();
        try
        {
            var sent = await transfers.Send(caller, range, format, resume.Length == 0 ? null : resume, Body, context.RequestAborted);
            if (sent.Refused(out var refusal))
            {
                await Plain(
                    context,
                    refusal.Code == RefusalCode.Denied ? StatusCodes.Status403Forbidden : StatusCodes.Status500InternalServerError,
                    refusal.Message);
            }
        }
        catch (Exception failure)
        {
            log.LogWarning("the stream of {Filesystem} to another cluster broke off: {Message}", range.Filesystem, failure.Message);
            context.Abort();
        }
    }

    private async Task Receive(HttpContext context, ITransfers transfers, Caller caller)
    {
        Unhurried(context);
        var range = Range(context.Request.Path.Value!).Value;
        var transfer = context.Request.Headers[StreamFormats.TransferHeader].ToString();
        await using var body = new StallingStream(context.Request.Body, StallAfter);
        var answer = await transfers.Receive(caller, range, transfer, Format(context.Request), body, context.RequestAborted);
        if (answer.StatusCode != StatusCodes.Status200OK)
        {
            // what the peer still sends is of no use to anybody
            context.Response.Headers.Connection = "close";
        }

        await Plain(context, answer.StatusCode, answer.Text);
    }

    /// <summary>A peer may pause; one that is dead is told by the stall and not by a rate.</summary>
    private static void Unhurried(HttpContext context)
    {
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } reading)
        {
            reading.MinDataRate = null;
        }

        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } writing)
        {
            writing.MinDataRate = null;
        }
    }
}
