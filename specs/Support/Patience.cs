using System.Diagnostics;

namespace Dotmesh.Specs.Support;

/// <summary>Waits for a condition instead of for a time.</summary>
public static class Patience
{
    public static async Task<T> Holds<T>(Func<Task<T?>> look, TimeSpan limit, Func<string> otherwise)
        where T : class
    {
        var started = Stopwatch.GetTimestamp();
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            if (await look() is { } found)
            {
                return found;
            }

            if (Stopwatch.GetElapsedTime(started) > limit)
            {
                throw new TimeoutException(otherwise());
            }

            await pause.WaitForNextTickAsync();
        }
    }
}
