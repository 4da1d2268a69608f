using System.Globalization;

namespace Dotmesh.Cli.Output;

/// <summary>Numbers as people read them (contract 7.1).</summary>
internal static class Sizes
{
    private const double Kibi = 1024;

    public static string Text(long bytes) => bytes switch
    {
        0 => "-",
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / Kibi:0.00} kiB"),
        < 1024 * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / Kibi / Kibi:0.00} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / Kibi / Kibi / Kibi:0.00} GiB"),
    };

    /// <summary>Likewise, exact where it is little: nothing is something, and so are five bytes.</summary>
    public static string Exact(long bytes) => bytes < Kibi ? $"{bytes} B" : Text(bytes);

    public static string Rate(double? bytesPerSecond) => bytesPerSecond is { } rate
        ? string.Create(CultureInfo.InvariantCulture, $"{rate / Kibi / Kibi:0.00} MiB/s")
        : "? MiB/s";

    public static string Count(int count, string noun) => $"{count} {noun}{(count == 1 ? "" : noun.EndsWith("ch", StringComparison.Ordinal) ? "es" : "s")}";

    /// <summary>Two units at most: <c>3m 20s</c>.</summary>
    public static string Duration(TimeSpan time) => time switch
    {
        { TotalMinutes: < 1 } => $"{(int)time.TotalSeconds}s",
        { TotalHours: < 1 } => $"{time.Minutes}m {time.Seconds}s",
        { TotalDays: < 1 } => $"{time.Hours}h {time.Minutes}m",
        _ => $"{(int)time.TotalDays}d {time.Hours}h",
    };
}
