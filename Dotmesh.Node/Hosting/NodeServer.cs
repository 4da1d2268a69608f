namespace Dotmesh.Node.Hosting;

/// <summary>What all listeners of a node have in common.</summary>
internal static class NodeServer
{
    /// <summary>No arguments and no files: everything there is to set is in the options. It is stopped by whoever started it.</summary>
    public static WebApplicationBuilder Builder(ILoggerFactory logs)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "Dotmesh.Node" });
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton<IHostLifetime, CallerStops>();
        builder.WebHost.UseKestrelCore();
        return builder;
    }
}
