using Dotmesh.Rpc.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Dotmesh.Rpc;

/// <summary>Marks a connection of the listener that answers as the 2018 reference documents (port 6969).</summary>
public sealed class ReferenceListener
{
    internal static readonly ReferenceListener Instance = new();
}

/// <summary>
/// How the host serves the API:
/// <code>
/// var pipeline = new RpcPipeline(new RpcServices { Dots = ..., Users = ..., ... });
/// builder.WebHost.ConfigureKestrel(kestrel =>
/// {
///     RpcServer.Configure(kestrel);
///     kestrel.Listen(address, 6969, listen => listen.ServeReference());
///     kestrel.Listen(address, 32607);
/// });
/// app.UseDotmesh(pipeline);
/// </code>
/// What is not the API's goes on to the next middleware, and to 404 after the last.
/// </summary>
public static class RpcServer
{
    private const long MaxConnections = 10_000;

    /// <summary>Limits and headers of both listeners.</summary>
    public static void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = MaxConnections;
        kestrel.Limits.MaxRequestBodySize = null; // each endpoint has its own limit, and answers it
    }

    /// <summary>Connections of this listener get the string <c>"true"</c> from Ping (design D12).</summary>
    public static ListenOptions ServeReference(this ListenOptions listen)
    {
        listen.Use(next => connection =>
        {
            connection.Features.Set(ReferenceListener.Instance);
            return next(connection);
        });
        return listen;
    }

    /// <summary>Puts the API in front of whatever comes later.</summary>
    public static IApplicationBuilder UseDotmesh(this IApplicationBuilder app, RpcPipeline pipeline) =>
        app.Use(next => context => pipeline.Handle(context, next));
}
