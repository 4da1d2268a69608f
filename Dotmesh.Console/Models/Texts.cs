using System.Globalization;

namespace Dotmesh.WebConsole.Models;

/// <summary>Numbers and times as people read them.</summary>
public static class Texts
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary><c>1.5 MiB</c>; three digits that count.</summary>
    public static string Size(long bytes)
    {
        var (value, unit) = ((double)bytes, 0);
        for (; value >= 1024 && unit < Units.Length - 1; unit++)
        {
            value /= 1024;
        }

        return unit == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes} B")
            : value.ToString(value >= 100 ? "0" : value >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture) + " " + Units[unit];
    }

    public static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary><c>1 dot</c>, <c>2 dots</c>, <c>2 branches</c>.</summary>
    public static string Count(long value, string one) =>
        $"{Number(value)} {one}{(value == 1 ? "" : one.EndsWith("ch", StringComparison.Ordinal) ? "es" : "s")}";

    /// <summary>UTC: nodes and browsers may be in different places.</summary>
    public static string Time(DateTimeOffset? time) =>
        time is { } known ? known.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) : "";

    public static string Percent(long part, long whole) =>
        whole <= 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0} %");

    /// <summary>The first part of an id, enough to tell it from others.</summary>
    public static string Short(string id) => id.Length > 8 ? id[..8] : id;
}
