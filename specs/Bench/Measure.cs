using System.Diagnostics;

namespace Dotmesh.Bench;

/// <summary>A figure, what it is held against, and the limit of their ratio (or of the figure itself).</summary>
internal sealed record Figure(string Name, string Measured, string Against, double Ratio, string Goal, bool Met)
{
    public static Figure AtMost(string name, (double Ms, double RawMs) pair, double limit) => new(
        name, $"{pair.Ms:F1} ms", $"{pair.RawMs:F1} ms", pair.Ms / pair.RawMs, $"<= {limit:F1} x", pair.Ms <= limit * pair.RawMs);

    public static Figure AtLeast(string name, (double Rate, double RawRate) pair, double limit) => new(
        name, $"{pair.Rate:F0}/s", $"{pair.RawRate:F0}/s", pair.Rate / pair.RawRate, $">= {limit:F1} x", pair.Rate >= limit * pair.RawRate);

    public static Figure Below(string name, double value, double limit, string unit) => new(
        name, $"{value:F1} {unit}", "", value / limit, $"<= {limit:F0} {unit}", value <= limit);

    public static Figure NoMoreThan(string name, (double Ms, double RawMs) pair, double most) => new(
        name, $"{pair.Ms:F1} ms", $"{pair.RawMs:F1} ms", pair.Ms / pair.RawMs, $"<= {most:F0} ms more", pair.Ms <= pair.RawMs + most);

    public static Figure Above(string name, double rate, double limit) => new(
        name, $"{rate:F0}/s", "", rate / limit, $">= {limit:F0}/s", rate >= limit);
}

internal static class Measure
{
    /// <summary>
    /// Medians of the milliseconds that two steps take, after a warm-up. They are taken in turn, so that whatever else the machine
    /// does at a time meets both.
    /// </summary>
    public static async Task<(double Ms, double RawMs)> Pair(int rounds, Func<int, Task> raw, Func<int, Task> step)
    {
        var warm = Math.Max(3, rounds / 10);
        var (times, rawTimes) = (new List<double>(), new List<double>());
        for (var i = 0; i < warm + rounds; i++)
        {
            var rawTime = await Time(() => raw(i));
            var time = await Time(() => step(i));
            if (i >= warm)
            {
                rawTimes.Add(rawTime);
                times.Add(time);
            }
        }

        return (Middle(times), Middle(rawTimes));
    }

    public static async Task<double> Median(int rounds, Func<int, Task> step) => (await Pair(rounds, _ => Task.CompletedTask, step)).Ms;

    /// <summary>
    /// Steps a second that so many workers get done, each a number of them, after a warm-up of a thousand: until then a third of the
    /// node's time is compilation. The middle one of three rounds of each kind, in turn.
    /// </summary>
    public static async Task<(double Rate, double RawRate)> RatePair(
        int workers, int steps, Func<int, string, Task> raw, Func<int, Task> step)
    {
        const int Rounds = 3;
        var (rates, rawRates) = (new List<double>(), new List<double>());
        await Rate(workers, 1000 / workers, (worker, _) => step(worker));
        for (var round = 0; round < Rounds; round++)
        {
            rawRates.Add(await Rate(workers, steps, (worker, at) => raw(worker, $"r{round}-{at}")));
            rates.Add(await Rate(workers, steps, (worker, _) => step(worker)));
        }

        return (Middle(rates), Middle(rawRates));
    }

    /// <summary>Steps a second that so many workers get done.</summary>
    public static async Task<double> Rate(int workers, int steps, Func<int, int, Task> step)
    {
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, workers).Select(async worker =>
        {
            for (var at = 0; at < steps; at++)
            {
                await step(worker, at);
            }
        }));
        return workers * steps / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public static async Task<double> Time(Func<Task> step)
    {
        var started = Stopwatch.GetTimestamp();
        await step();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    /// <summary>What no pool can make smaller; the same for a seed.</summary>
    public static byte[] Noise(int seed, int bytes)
    {
        var noise = new byte[bytes];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    public static async Task WriteNoise(string file, int mebibytes)
    {
        await using var stream = File.Create(file);
        for (var part = 0; part < mebibytes; part++)
        {
            await stream.WriteAsync(Noise(part, 1 << 20));
        }
    }

    public static double Middle(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
