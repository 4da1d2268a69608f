using Dotmesh.Actors.Users;
using Microsoft.AspNetCore.Http;

namespace Dotmesh.Rpc.Http;

/// <summary>Marks a call of somebody whom this process itself has signed in.</summary>
internal sealed record LocalCaller(Caller Caller);

/// <summary>
/// An end of <see cref="HttpClient"/> whose calls never leave the process: they take the way of all calls (limits, rights, deadlines, metrics), as
/// the caller given.
/// </summary>
/// <param name="caller">Asked at each call; null: nobody any more, and the call is answered with 401.</param>
public sealed class LocalCalls(RpcPipeline pipeline, Func<Caller?> caller) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var reply = new MemoryStream();
        var context = new DefaultHttpContext { RequestAborted = cancellationToken };
        context.Request.Method = request.Method.Method;
        context.Request.Path = request.RequestUri?.AbsolutePath;
        if (request.Content is { } content)
        {
            context.Request.ContentType = content.Headers.ContentType?.ToString();
            context.Request.Body = await content.ReadAsStreamAsync(cancellationToken);
        }

        if (caller() is { } known)
        {
            context.Features.Set(new LocalCaller(known));
        }

        context.Response.Body = reply;
        await pipeline.Handle(context, static missing =>
        {
            missing.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        // what was cancelled has no answer, not an empty one
        cancellationToken.ThrowIfCancellationRequested();
        await context.Response.CompleteAsync();
        var answer = new HttpResponseMessage((System.Net.HttpStatusCode)context.Response.StatusCode)
        {
            RequestMessage = request,
            Content = new ByteArrayContent(reply.ToArray()),
        };
        answer.Headers.TryAddWithoutValidation("X-Request-Id", context.Response.Headers["X-Request-Id"].ToString());
        return answer;
    }
}
