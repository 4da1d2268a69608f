using Dotmesh.Node.Options;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Dotmesh.Node.Hosting;

/// <summary>Traces and metrics by OTLP, when there is somebody to send them to.</summary>
internal static class NodeTelemetry
{
    private const string OwnSources = "Dotmesh*";

    public static void Configure(IServiceCollection services, TelemetryOptions options, string storageNode, string version)
    {
        if (options.OtlpEndpoint.Length == 0)
        {
            return;
        }

        var endpoint = new Uri(options.OtlpEndpoint);
        services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("dotmesh-node", serviceVersion: version, serviceInstanceId: storageNode))
            .WithTracing(tracing => tracing
                .AddSource(OwnSources)
                .AddAspNetCoreInstrumentation()
                .AddOtlpExporter(exporter => exporter.Endpoint = endpoint))
            .WithMetrics(metrics => metrics
                .AddMeter(OwnSources)
                .AddAspNetCoreInstrumentation()
                .AddRuntimeInstrumentation()
                .AddOtlpExporter(exporter => exporter.Endpoint = endpoint));
    }
}
