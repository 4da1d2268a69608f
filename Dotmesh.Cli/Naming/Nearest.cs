namespace Dotmesh.Cli.Naming;

/// <summary>"Did you mean": names that differ from the typed one by a slip or two.</summary>
internal static class Nearest
{
    private const int Shown = 3;

    /// <param name="list">The command that lists the names.</param>
    public static string Hint(string typed, IEnumerable<string> names, string list)
    {
        return Question(typed, names) is { } question ? $"{question} ('{list}' lists them.)" : $"'{list}' lists them.";
    }

    /// <summary>Null when nothing is near.</summary>
    public static string? Question(string typed, IEnumerable<string> names) =>
        To(typed, names) is { Count: > 0 } near ? $"Did you mean {string.Join(" or ", near)}?" : null;

    public static IReadOnlyList<string> To(string typed, IEnumerable<string> names) =>
    [
        .. names.Select(name => (Name: name, Slips: Slips(typed, name)))
            .Where(found => found.Slips <= Math.Max(1, typed.Length / 3))
            .OrderBy(found => found.Slips).ThenBy(found => found.Name, StringComparer.Ordinal)
            .Take(Shown).Select(found => found.Name),
    ];

    /// <summary>Letters to add, drop, change or swap with their neighbour, capitals aside.</summary>
    private static int Slips(string from, string to)
    {
        var (a, b) = (from.ToLowerInvariant(), to.ToLowerInvariant());
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                table[i, j] = i == 0 ? j : j == 0 ? i : Math.Min(
                    Math.Min(table[i - 1, j], table[i, j - 1]) + 1,
                    table[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    table[i, j] = Math.Min(table[i, j], table[i - 2, j - 2] + 1);
                }
            }
        }

        return table[a.Length, b.Length];
    }
}
