using Dotmesh.Node.Options;
using OpenTelemetry.Exporter;
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

        services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("dotmesh-node", serviceVersion: version, serviceInstanceId: storageNode))
            .WithTracing(tracing => tracing
                .AddSource(OwnSources)
                .AddAspNetCoreInstrumentation()
                .AddOtlpExporter(exporter => Address(exporter, options, "traces")))
            .WithMetrics(metrics => metrics
                .AddMeter(OwnSources)
                .AddAspNetCoreInstrumentation()
                .AddRuntimeInstrumentation()
                .AddOtlpExporter(exporter => Address(exporter, options, "metrics")));
    }

    private static void Address(OtlpExporterOptions exporter, TelemetryOptions options, string signal)
    {
        if (options.OtlpProtocol == OtlpProtocol.Grpc)
        {
            exporter.Endpoint = new Uri(options.OtlpEndpoint);
            return;
        }

        // an endpoint that is set by code is taken as it is, without the path of the signal
        exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
        exporter.Endpoint = new Uri($"{options.OtlpEndpoint.TrimEnd('/')}/v1/{signal}");
    }
}
