using System.Diagnostics;
using Dotmesh.Actors;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;
using Dotmesh.Rpc.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc.JsonRpc;

/// <summary>Runs one call: table, access, params, handler; every end of it is a reply.</summary>
internal sealed partial class CallRunner(RpcServices services, MethodTable table, RpcMetrics metrics, InFlight inFlight)
{
    public static readonly ActivitySource Traces = new("Dotmesh");

    private readonly ILogger _log = services.Logs.CreateLogger("Dotmesh.Rpc");

    public RequestDeadline Deadline() => new(services.Settings.Deadline, services.Clock, inFlight, failure => LogLate(_log, failure));

    /// <summary>Appends the reply, nothing for a notification. True when a method was run.</summary>
    public async ValueTask<bool> Run(
        Envelope envelope, Caller caller, string requestId, bool onReferencePort, RequestDeadline deadline, ReplyBuffer reply)
    {
        var at = reply.Length;
        var (method, arguments, error) = Prepare(envelope, caller);
        if (error is null && services.Out() is { } refusal)
        {
            error = RpcError.From(refusal);
        }

        var ran = error is null;
        if (ran)
        {
            var call = new RpcCall(services, caller, arguments!, requestId, onReferencePort, deadline);
            error = await Timed(method!, call, envelope, reply, deadline);
        }

        if (error is not null)
        {
            reply.Truncate(at);
            Refuse(envelope, error, requestId, reply);
        }

        return ran;
    }

    /// <summary>Appends an error, nothing for a notification.</summary>
    public static void Refuse(Envelope envelope, RpcError error, string requestId, ReplyBuffer reply)
    {
        if (!envelope.IsNotification)
        {
            reply.Error(envelope.Error ?? error, requestId, envelope.Id.Span);
        }
    }

    /// <summary>The text for a method that is not there depends on the form of its name (contract 1.5).</summary>
    private static RpcError NotFound(string method)
    {
        var shown = method.Length <= 256 ? method : method[..256] + "...";
        var dot = method.IndexOf('.', StringComparison.Ordinal);
        var message = dot < 0 || dot != method.LastIndexOf('.')
            ? $"rpc: service/method request ill-formed: \"{shown}\""
            : method.StartsWith("DotmeshRPC.", StringComparison.Ordinal)
                ? $"rpc: can't find method \"{shown}\""
                : $"rpc: can't find service \"{shown}\"";
        return new RpcError(RpcCodes.MethodNotFound, message, "methodNotFound");
    }

    private static Refusal? Refused(RpcMethod method, Caller caller) => method.Access switch
    {
        Access.Admin when !caller.IsAdmin => new Refusal(RefusalCode.Denied, $"Userid {caller.User.Id} is not admin user"),
        Access.Password when caller.Authentication != AuthenticationType.Password => new Refusal(
            RefusalCode.Denied, "Password authentication is required for this method."),
        _ => null,
    };

    private (RpcMethod? Method, Arguments? Arguments, RpcError? Error) Prepare(Envelope envelope, Caller caller)
    {
        if (envelope.Error is not null)
        {
            return (null, null, envelope.Error);
        }

        if (table.Find(envelope.Method!) is not { } method)
        {
            return (null, null, NotFound(envelope.Method!));
        }

        if (Refused(method, caller) is { } refusal)
        {
            return (method, null, RpcError.From(refusal));
        }

        var (arguments, error) = ArgumentsReader.Read(envelope.Params, method.Style, method.Arguments);
        return (method, arguments, error);
    }

    private async ValueTask<RpcError?> Timed(
        RpcMethod method, RpcCall call, Envelope envelope, ReplyBuffer reply, RequestDeadline deadline)
    {
        var started = services.Clock.GetTimestamp();
        using var activity = Traces.HasListeners() ? Traces.StartActivity(method.Name) : null;
        activity?.SetTag("dotmesh.request_id", call.RequestId);
        activity?.SetTag("enduser.id", call.Caller.User.Name);

        var error = await Guarded(method, call, envelope, reply, deadline);
        if (error is not null)
        {
            activity?.SetStatus(ActivityStatusCode.Error, error.Message);
            if (error.IsOurs)
            {
                LogFailed(_log, method.Name, call.Caller.User.Name, error.Reason, error.Message, call.RequestId);
            }
            else
            {
                LogRefused(_log, method.Name, call.Caller.User.Name, error.Code, error.Message, call.RequestId);
            }
        }

        metrics.Called(method, services.Clock.GetElapsedTime(started));
        return error;
    }

    private async ValueTask<RpcError?> Guarded(
        RpcMethod method, RpcCall call, Envelope envelope, ReplyBuffer reply, RequestDeadline deadline)
    {
        try
        {
            var refusal = await method.Run(call, reply, envelope.Id, envelope.IsNotification);
            return refusal is null ? null : RpcError.From(refusal);
        }
        catch (Exception late) when (late is OperationCanceledException or TimeoutException && deadline.Passed)
        {
            return RpcError.From(Refusals.Expired());
        }
        catch (InjectedFaultException fault)
        {
            return RpcError.From(Refusals.From(fault));
        }
        catch (StorageException failure)
        {
            return RpcError.From(new Refusal(RefusalCode.Storage, failure.Message));
        }
        catch (DatabaseException away)
        {
            LogAway(_log, method.Name, call.RequestId, away.Message);
            return RpcError.From(new Refusal(RefusalCode.Unavailable, away.Message));
        }
        catch (Exception bug)
        {
            LogBug(_log, bug, method.Name, call.RequestId);
            return RpcError.Internal(call.RequestId);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} was not answered: {Reason} (request {RequestId})")]
    private static partial void LogAway(ILogger log, string method, string requestId, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Method} of {User} refused: {Code} {Reason} (request {RequestId})")]
    private static partial void LogRefused(
        ILogger log, string method, string user, int code, string reason, string requestId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} of {User} failed: {Kind}: {Reason} (request {RequestId})")]
    private static partial void LogFailed(
        ILogger log, string method, string user, string kind, string reason, string requestId);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed (request {RequestId})")]
    private static partial void LogBug(ILogger log, Exception bug, string method, string requestId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A call that was answered as expired has ended")]
    private static partial void LogLate(ILogger log, Exception? failure);
}
