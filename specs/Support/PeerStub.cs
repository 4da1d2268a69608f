using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Specs.Support;

/// <summary>Another cluster's HTTP server that does what the spec says, byte by byte, and the client that is pointed at it.</summary>
internal sealed class PeerStub : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<string> _seen = new();

    private PeerStub(WebApplication app) => _app = app;

    public int Port => new Uri(_app.Urls.Single()).Port;

    /// <summary>Requests: <c>POST /rpc HTTP/1.1</c>, then of their headers those that a peer may look at, then the body of calls.</summary>
    public IReadOnlyCollection<string> Seen => _seen;

    /// <param name="answer">Answers a request whose body nobody has read.</param>
    public static async Task<PeerStub> Start(RequestDelegate answer, X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
        });
        var stub = new PeerStub(builder.Build());
        stub._app.Run(context => stub.Note(context, answer));
        await stub._app.StartAsync();
        return stub;
    }

    /// <summary>Answers every call with this body and status 200.</summary>
    public static Task<PeerStub> Answering(string body) => Answering(_ => body);

    /// <param name="answer">From the method and the whole request to the whole reply.</param>
    public static Task<PeerStub> Answering(Func<string, string> answer) => Start(async context =>
    {
        using var reader = new StreamReader(context.Request.Body);
        var request = await reader.ReadToEndAsync();
        context.Response.ContentType = "application/json; charset=utf-8";
        await context.Response.WriteAsync(request.Contains("DotmeshRPC.Ping", StringComparison.Ordinal) ? Result("true") : answer(request));
    });

    /// <param name="stream">Answers everything but calls.</param>
    public static Task<PeerStub> Streaming(RequestDelegate stream) =>
        Start(context => context.Request.Path == "/rpc" ? context.Response.WriteAsync(Result("true")) : stream(context));

    /// <summary>Says nothing until the other side goes away.</summary>
    public static async Task Gone(HttpContext context)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = context.RequestAborted.Register(() => gone.TrySetResult());
        await gone.Task;
    }

    /// <summary>As original servers reply.</summary>
    public static string Result(string json) => $"{{\"jsonrpc\":\"2.0\",\"result\":{json},\"id\":1}}\n";

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Note(HttpContext context, RequestDelegate answer)
    {
        var request = context.Request;
        var seen = new StringBuilder($"{request.Method} {request.Path} {request.Protocol}");
        foreach (var header in new[] { "Authorization", "Content-Type", "Dotmesh-Stream", "Dotmesh-Transfer", "Transfer-Encoding", "Expect", "Cookie" })
        {
            if (request.Headers.TryGetValue(header, out var value))
            {
                seen.Append($"\n{header}: {value}");
            }
        }

        if (request.Path == "/rpc")
        {
            request.EnableBuffering();
            using var reader = new StreamReader(request.Body, leaveOpen: true);
            seen.Append($"\n\n{await reader.ReadToEndAsync()}");
            request.Body.Position = 0;
        }

        _seen.Enqueue(seen.ToString());
        await answer(context);
    }
}
