using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Dotmesh.WebConsole.Serving;

/// <summary>Scripts and styles, out of this assembly; their addresses change with their content and are kept for ever by browsers.</summary>
internal static class EmbeddedAssets
{
    private const string Prefix = "asset/";
    private const string Folder = "/_assets/";

    private static readonly FrozenDictionary<string, Asset> ByName = Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(Read).ToFrozenDictionary(asset => asset.Name, StringComparer.Ordinal);

    /// <summary>Address of an asset, below the console's root.</summary>
    public static string Link(string name) => $"_assets/{name}?v={ByName[name].Version}";

    public static Task Serve(HttpContext context, RequestDelegate next)
    {
        var path = context.Request.Path.Value ?? "";
        return path.StartsWith(Folder, StringComparison.Ordinal) && ByName.TryGetValue(path[Folder.Length..], out var asset)
            ? Send(context, asset)
            : next(context);
    }

    private static async Task Send(HttpContext context, Asset asset)
    {
        var response = context.Response;
        response.Headers.ETag = $"\"{asset.Version}\"";
        response.Headers.CacheControl = "public, max-age=31536000, immutable";
        if (context.Request.Headers.IfNoneMatch == response.Headers.ETag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentType = asset.Type;
        response.ContentLength = asset.Content.Length;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await response.Body.WriteAsync(asset.Content, context.RequestAborted);
        }
    }

    private static Asset Read(string resource)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        var name = resource[Prefix.Length..];
        var type = Path.GetExtension(name) switch
        {
            ".css" => "text/css; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".svg" => "image/svg+xml",
            var other => throw new InvalidOperationException($"no content type for {other}"),
        };
        return new Asset(name, type, content, Convert.ToHexStringLower(SHA256.HashData(content))[..16]);
    }

    private sealed record Asset(string Name, string Type, byte[] Content, string Version);
}
