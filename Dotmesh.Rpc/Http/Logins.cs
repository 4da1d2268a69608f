using System.Net;
using Dotmesh.Actors.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc.Http;

/// <summary>Turns the credentials of a request into a caller, and slows down those who guess (contract 1.4).</summary>
internal sealed partial class Logins(RpcServices services, ILogger log)
{
    private const int MaxHeldBack = 256;

    private int _heldBack;

    /// <summary>Null after a wrong secret; an address that keeps failing waits longer and longer for that.</summary>
    public async ValueTask<Caller?> Authenticate(HttpContext context)
    {
        if (!BasicCredentials.TryRead(context.Request.Headers.Authorization, out var user, out var secret))
        {
            return null;
        }

        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (await services.Users.Authenticate(user, secret, context.RequestAborted) is { } caller)
        {
            return caller;
        }

        services.Throttle.Failed(address);
        var delay = services.Throttle.DelayFor(address);
        LogRefusedLogin(log, address, delay.TotalMilliseconds);
        await HoldBack(delay, context.RequestAborted);
        return null;
    }

    private async Task HoldBack(TimeSpan delay, CancellationToken gone)
    {
        if (delay <= TimeSpan.Zero)
        {
            return;
        }

        try
        {
            // a flood must not fill the memory with waiting answers
            if (Interlocked.Increment(ref _heldBack) <= MaxHeldBack)
            {
                await Task.Delay(delay, services.Clock, gone);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _heldBack);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "A login from {Address} failed; its answer waits {DelayMs} ms")]
    private static partial void LogRefusedLogin(ILogger log, IPAddress address, double delayMs);
}
