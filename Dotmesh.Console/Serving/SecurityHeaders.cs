using Microsoft.AspNetCore.Http;

namespace Dotmesh.WebConsole.Serving;

/// <summary>Nothing of others is loaded, and nobody puts the console into a frame.</summary>
internal sealed class SecurityHeaders(RequestDelegate next)
{
    // components set style attributes; scripts and all else are files of this node
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        + "form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

    public Task InvokeAsync(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        // not no-referrer, with which browsers send forms without their origin
        headers["Referrer-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()";
        return next(context);
    }
}
