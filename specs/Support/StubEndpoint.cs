using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Specs.Support;

internal sealed record StubRequest(string Path, string? ContentType, byte[] Body);

/// <summary>Somebody else's HTTP server: keeps what it was sent and answers what the spec says.</summary>
internal sealed class StubEndpoint : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<StubRequest> _requests = new();

    private StubEndpoint(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    public IReadOnlyCollection<StubRequest> Requests => _requests;

    /// <param name="answer">Status and body.</param>
    public static async Task<StubEndpoint> Start(Func<StubRequest, (int Status, string Body)> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var stub = new StubEndpoint(builder.Build());
        stub._app.Run(context => stub.Answer(context, answer));
        await stub._app.StartAsync();
        return stub;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Answer(HttpContext context, Func<StubRequest, (int Status, string Body)> answer)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var request = new StubRequest(context.Request.Path, context.Request.ContentType, body.ToArray());
        _requests.Enqueue(request);
        var (status, text) = answer(request);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(text);
    }
}
