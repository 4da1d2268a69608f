using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>Metadata as it is typed: <c>key=value, other=value</c>.</summary>
public static class CommitMetadata
{
    /// <summary>What a commit carries besides what every commit has.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Extra(Commit commit) =>
        (commit.Metadata ?? []).Where(pair => pair.Key is not ("message" or "author" or "timestamp" or "type"));

    /// <summary>What has no <c>=</c> is a key with an empty value; of a key that is given twice the last one counts.</summary>
    public static IReadOnlyDictionary<string, string> Parse(string text)
    {
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            fields[at < 0 ? part : part[..at].Trim()] = at < 0 ? "" : part[(at + 1)..].Trim();
        }

        return fields;
    }
}
