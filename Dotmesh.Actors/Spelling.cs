namespace Dotmesh.Actors;

/// <summary>Finds what somebody may have meant with a name that nobody knows. Pure.</summary>
public static class Spelling
{
    /// <summary>The candidate most like the name, or null when none is like it.</summary>
    /// <param name="most">Letters that may be wrong; by default more of them in longer names.</param>
    public static string? Closest(string name, IEnumerable<string> candidates, int? most = null) =>
        Closest(name, candidates, candidate => [candidate], most);

    /// <summary>The same for candidates that are known under several names.</summary>
    public static T? Closest<T>(string name, IEnumerable<T> candidates, Func<T, IEnumerable<string>> names, int? most = null)
        where T : class
    {
        var asked = name.ToLowerInvariant();
        var (closest, distance) = candidates
            .Select(candidate => (candidate, Distance: names(candidate).Min(known => Distance(asked, known.ToLowerInvariant()))))
            .MinBy(found => found.Distance);
        return distance <= (most ?? Math.Max(2, asked.Length / 3)) ? closest : null;
    }

    /// <summary>Levenshtein's: letters to add, remove or replace.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
