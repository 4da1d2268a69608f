using System.Collections.Concurrent;
using System.Net;

namespace Dotmesh.Actors.Users;

/// <summary>How long an answer to an address with failed logins waits: pure.</summary>
internal static class LoginThrottleDecisions
{
    public const int FreeFailures = 5;
    public static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    public static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan ForgottenAfter = TimeSpan.FromMinutes(10);

    /// <summary>Doubles with each failure beyond the free ones.</summary>
    public static TimeSpan Delay(int failures, TimeSpan sinceLast)
    {
        if (failures <= FreeFailures || sinceLast >= ForgottenAfter)
        {
            return TimeSpan.Zero;
        }

        var doublings = Math.Min(failures - FreeFailures - 1, 10);
        var delay = FirstDelay * (1 << doublings);
        return delay < LongestDelay ? delay : LongestDelay;
    }

    /// <summary>One key per attacker: IPv4 as such also when it comes as IPv6, of IPv6 the /64 that a customer is given.</summary>
    public static IPAddress Key(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}

/// <summary>
/// Slows down addresses whose logins fail. The caller reports each failure and holds the refusal back for <see cref="DelayFor"/>;
/// right secrets are never held back, so that one bad client behind a shared address does not slow down the good ones. A
/// right one does not end it either: whoever has an account could guess the others' in between. The table is bounded.
/// </summary>
public sealed class LoginThrottle(TimeProvider clock, int maxAddresses = 10_000)
{
    private readonly ConcurrentDictionary<IPAddress, Entry> _entries = new();

    /// <inheritdoc cref="LoginThrottleDecisions.Key"/>
    public static IPAddress Key(IPAddress address) => LoginThrottleDecisions.Key(address);

    public TimeSpan DelayFor(IPAddress address) =>
        _entries.TryGetValue(LoginThrottleDecisions.Key(address), out var entry)
            ? LoginThrottleDecisions.Delay(entry.Failures, clock.GetElapsedTime(entry.LastAt))
            : TimeSpan.Zero;

    public void Failed(IPAddress address)
    {
        var key = LoginThrottleDecisions.Key(address);
        var now = clock.GetTimestamp();
        if (_entries.Count >= maxAddresses && !_entries.ContainsKey(key))
        {
            MakeRoom(now);
        }

        _entries.AddOrUpdate(
            key,
            static (_, at) => new Entry(1, at),
            (_, entry, at) => new Entry(
                clock.GetElapsedTime(entry.LastAt, at) >= LoginThrottleDecisions.ForgottenAfter ? 1 : entry.Failures + 1, at),
            now);
    }

    internal int Count => _entries.Count;

    private void MakeRoom(long now)
    {
        // a tenth at once, the longest quiet first: a flood of addresses pays for its sorting rarely
        var stale = _entries.ToArray()
            .OrderByDescending(entry => clock.GetElapsedTime(entry.Value.LastAt, now))
            .Take(Math.Max(1, maxAddresses / 10));
        foreach (var entry in stale)
        {
            _entries.TryRemove(entry);
        }
    }

    private sealed record Entry(int Failures, long LastAt);
}
