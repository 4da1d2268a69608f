using System.Diagnostics;

namespace Dotmesh.Bench;

/// <summary>A figure, what it is held against, and the limit of their ratio (or of the figure itself).</summary>
internal sealed record Figure(string Name, string Measured, string Against, double Ratio, string Goal, bool Met)
{
    public static Figure AtMost(string name, double ms, double rawMs, double limit) => new(
        name, $"{ms:F1} ms", $"{rawMs:F1} ms", ms / rawMs, $"<= {limit:F1} x", ms <= limit * rawMs);

    public static Figure AtLeast(string name, double rate, double rawRate, double limit) => new(
        name, $"{rate:F0}/s", $"{rawRate:F0}/s", rate / rawRate, $">= {limit:F1} x", rate >= limit * rawRate);
}

internal static class Measure
{
    /// <summary>Median of the milliseconds that a step takes, after a warm-up.</summary>
    public static async Task<double> Median(int rounds, Func<int, Task> step)
    {
        var warm = Math.Max(3, rounds / 10);
        var times = new List<double>();
        for (var i = 0; i < warm + rounds; i++)
        {
            var started = Stopwatch.GetTimestamp();
            await step(i);
            if (i >= warm)
            {
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        }

        times.Sort();
        return times[times.Count / 2];
    }

    /// <summary>Steps a second that so many workers get done.</summary>
    public static async Task<double> Rate(int workers, int rounds, Func<int, int, Task> step)
    {
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, workers).Select(async worker =>
        {
            for (var round = 0; round < rounds; round++)
            {
                await step(worker, round);
            }
        }));
        return workers * rounds / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
