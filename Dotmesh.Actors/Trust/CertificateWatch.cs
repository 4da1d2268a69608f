using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Trust;

/// <summary>
/// Says in time that this node's own certificate runs out, every day louder, and ends the node when the others would not let it in
/// any more: they must not be the ones who suffer from it (<see cref="CertificateJudge"/>).
/// </summary>
public sealed class CertificateWatch : IAsyncDisposable
{
    private const int FirstWarningDays = 30;
    private const int AlarmDays = 7;

    private static readonly TimeSpan Beat = TimeSpan.FromHours(12);

    private readonly DateTimeOffset _expires;
    private readonly TimeSpan _grace;
    private readonly Action<string> _lost;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly PeriodicTimer _beat;
    private readonly Task _running;

    /// <param name="lost">Told when the node may not go on.</param>
    public CertificateWatch(
        DateTimeOffset expires, TimeSpan grace, Action<string> lost, TimeProvider clock, ILogger<CertificateWatch> log)
    {
        (_expires, _grace, _lost, _clock, _log) = (expires, grace, lost, clock, log);
        Say();
        _beat = new PeriodicTimer(Beat, clock);
        _running = Run();
    }

    /// <summary>Negative when it has expired.</summary>
    public double DaysLeft => (_expires - _clock.GetUtcNow()).TotalDays;

    /// <summary>Null: it may be used; else why not and what to do.</summary>
    public static string? Unusable(DateTimeOffset expires, TimeSpan grace, DateTimeOffset now) => now - expires <= grace
        ? null
        : $"The certificate of this node has expired on {expires:u}, more than {grace.TotalDays:F0} days ago (Tls:GraceDays), and the other "
            + "nodes do not let it in any more: give it a new one of the same authority (Tls:CertificateFile).";

    public async ValueTask DisposeAsync()
    {
        _beat.Dispose();
        await _running;
    }

    private async Task Run()
    {
        while (await _beat.WaitForNextTickAsync())
        {
            Say();
            if (Unusable(_expires, _grace, _clock.GetUtcNow()) is { } why)
            {
                _lost(why);
                return;
            }
        }
    }

    private void Say()
    {
        var level = DaysLeft switch
        {
            > FirstWarningDays => LogLevel.Debug,
            > AlarmDays => LogLevel.Warning,
            > 0 => LogLevel.Error,
            _ => LogLevel.Critical,
        };
        _log.Log(
            level,
            "The certificate of this node {Verb} on {Expires:u}, {Days:F1} days from now; the other nodes let it in until {Grace:F0} days after. "
            + "Put a new one of the same authority in its place and start this node again",
            DaysLeft > 0 ? "expires" : "has expired",
            _expires,
            DaysLeft,
            _grace.TotalDays);
    }
}
