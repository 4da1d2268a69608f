using System.Buffers;
using Dotmesh.Actors;
using Microsoft.AspNetCore.Http;

namespace Dotmesh.Rpc.Http;

/// <summary>The id of a request in logs, error data and the header <c>X-Request-Id</c>.</summary>
internal static class RequestIds
{
    private const int MaxLength = 64;

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    /// <summary>The client's own when it is sane: it goes into logs and headers.</summary>
    public static string Of(HttpRequest request, IIdSource ids)
    {
        var given = request.Headers["X-Request-Id"];
        return given.Count == 1 && given[0] is { Length: > 0 and <= MaxLength } id && !id.AsSpan().ContainsAnyExcept(Allowed)
            ? id
            : ids.NewId();
    }

    /// <summary>For metrics: clients invent methods, label sets must not grow with them.</summary>
    public static string KnownMethod(string method) => method switch
    {
        "GET" or "HEAD" or "POST" or "PUT" or "DELETE" or "OPTIONS" or "PATCH" or "TRACE" or "CONNECT" => method,
        _ => "other",
    };
}
