using System.Net;
using Dotmesh.Actors.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc.Http;

/// <summary>What came of the credentials of a request.</summary>
/// <param name="Caller">Null after a wrong secret.</param>
/// <param name="Crowded">Nothing was compared: too many logins of this address wait for their answer.</param>
internal readonly record struct Login(Caller? Caller, bool Crowded = false);

/// <summary>Turns the credentials of a request into a caller, and slows down those who guess (contract 1.4).</summary>
internal sealed partial class Logins(RpcServices services, ILogger log) : IDisposable
{
    private readonly LoginTurns _turns = new();

    /// <summary>
    /// An address that keeps failing waits longer and longer for its answers, and gets few at a time. Who is known already passes at once,
    /// also behind such an address.
    /// </summary>
    public ValueTask<Login> Authenticate(HttpContext context) =>
        context.Features.Get<LocalCaller>() is { } local ? ValueTask.FromResult(new Login(local.Caller))
        : BasicCredentials.TryRead(context.Request.Headers.Authorization, out var user, out var secret)
            ? Authenticate(user, secret, context.Connection.RemoteIpAddress ?? IPAddress.None, passwordOnly: false, context.RequestAborted)
            : default;

    /// <param name="passwordOnly">An API key counts as a wrong password.</param>
    public async ValueTask<Login> Authenticate(string user, string secret, IPAddress from, bool passwordOnly, CancellationToken ct)
    {
        if (Fits(services.Users.Recognise(user, secret), passwordOnly) is { } known)
        {
            return new Login(known);
        }

        var address = LoginThrottle.Key(from);
        using var turn = await _turns.Take(address, ct);
        if (turn is null)
        {
            return new Login(null, Crowded: true);
        }

        if (Fits(await services.Users.Authenticate(user, secret, ct), passwordOnly) is { } caller)
        {
            return new Login(caller);
        }

        services.Throttle.Failed(address);
        var delay = services.Throttle.DelayFor(address);
        LogRefusedLogin(log, address, delay.TotalMilliseconds);
        if (delay > TimeSpan.Zero)
        {
            await Task.Delay(delay, services.Clock, ct);
        }

        return default;
    }

    private static Caller? Fits(Caller? caller, bool passwordOnly) =>
        passwordOnly && caller is { Authentication: not AuthenticationType.Password } ? null : caller;

    public void Dispose() => _turns.Dispose();

    [LoggerMessage(Level = LogLevel.Information, Message = "A login from {Address} failed; its answer waits {DelayMs} ms")]
    private static partial void LogRefusedLogin(ILogger log, IPAddress address, double delayMs);
}
