using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// The clock that stamps files. It moves in ticks of 1-10 ms: two writes within one tick may leave the same times, so what
/// was changed in the current tick cannot be told from what will be changed in the rest of it.
/// </summary>
internal static class KernelClock
{
    private static readonly TimeSpan s_longestTick = TimeSpan.FromMilliseconds(20);

    /// <summary>Nanoseconds since the epoch at the start of the current tick.</summary>
    internal static long Tick()
    {
        Timespec now;
        unsafe
        {
            if (Libc.clock_gettime(Linux.ClockRealtimeCoarse, &now) != 0)
            {
                throw Errors.Failed("reading", "the clock");
            }
        }

        return (now.Seconds * 1_000_000_000) + now.Nanoseconds;
    }

    /// <summary>
    /// Returns when a write from now on cannot get the time <paramref name="changed"/>; at most a few ticks later, when the
    /// clock was set back (then what was changed at that time stays suspect).
    /// </summary>
    internal static async Task Pass(long changed, CancellationToken ct)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (Tick() <= changed && TimeProvider.System.GetElapsedTime(started) < s_longestTick)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, ct);
        }
    }
}
