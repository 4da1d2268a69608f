using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Dispatch;
using Akka.Event;
using Microsoft.Extensions.Logging;
using AkkaLevel = Akka.Event.LogLevel;
using HostLevel = Microsoft.Extensions.Logging.LogLevel;

namespace Dotmesh.Actors.Gateway;

/// <summary>Hands the host's logger to Akka.</summary>
internal sealed class LogSetup(ILoggerFactory factory) : Setup
{
    public ILoggerFactory Factory => factory;
}

/// <summary>Akka's own log lines, in the host's log under their source.</summary>
internal sealed class AkkaLog : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    public AkkaLog()
    {
        var setup = Context.System.Settings.Setup.Get<LogSetup>();
        var log = setup.HasValue ? setup.Value.Factory.CreateLogger("Akka") : null;
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(line => log?.Log(
            Level(line.LogLevel()), line.Cause, "{Source}: {Text}", line.LogSource, line.Message.ToString()));
    }

    private static HostLevel Level(AkkaLevel level) => level switch
    {
        AkkaLevel.ErrorLevel => HostLevel.Error,
        AkkaLevel.WarningLevel => HostLevel.Warning,
        AkkaLevel.InfoLevel => HostLevel.Debug,
        _ => HostLevel.Trace,
    };
}
