using System.Collections.Immutable;
using Dotmesh.Node.Options;
using Microsoft.Extensions.Logging.Console;

namespace Dotmesh.Node.Hosting;

/// <summary>Logs go to stderr, so that stdout has the banner alone.</summary>
internal static class NodeLog
{
    public static void Configure(ILoggingBuilder logging, LogOptions options)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(options.Level);
        // the framework's own lines repeat ours, a request at a time
        logging.AddFilter("Microsoft", options.Level > LogLevel.Warning ? options.Level : LogLevel.Warning);
        logging.AddFilter("System", options.Level > LogLevel.Warning ? options.Level : LogLevel.Warning);
        // a start that fails is told by the program, in one line
        logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (options.Format == LogFormat.Json)
        {
            logging.AddJsonConsole(console =>
            {
                console.IncludeScopes = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
            });
        }
        else
        {
            logging.AddSimpleConsole(console =>
            {
                console.IncludeScopes = true;
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "HH:mm:ss.fff ";
            });
        }
    }

    public static void Options(ILogger log, ImmutableArray<EffectiveOption> options) =>
        log.LogInformation("{Options}", OptionTexts.Line(options));
}
