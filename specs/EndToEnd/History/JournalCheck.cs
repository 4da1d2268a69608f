using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.History;

/// <summary>A row of the journal, in the order of its dot.</summary>
/// <param name="Writer">The process that wrote it: new at each start.</param>
/// <param name="Node">In events that say who controls the dot; otherwise null, and <paramref name="Epoch"/> 0.</param>
internal sealed record JournalRow(string Dot, string Writer, string Manifest, string? Node, long Epoch);

/// <summary>
/// No two nodes ever wrote for a dot in one epoch, or in epochs that overlap: told by who wrote which event of the journal.
/// </summary>
internal static class JournalCheck
{
    public static async Task Run(NodeCluster cluster)
    {
        var rows = await Read(cluster);
        Assert.Contains(rows, row => row.Manifest.StartsWith("e.committed.", StringComparison.Ordinal));
        Assert.Empty(Overlaps(rows));
    }

    /// <summary>What is wrong, in words; empty when every epoch is of one node and ends where the next begins.</summary>
    public static IReadOnlyList<string> Overlaps(IReadOnlyList<JournalRow> rows)
    {
        var nodes = rows.Where(row => row.Node is not null).GroupBy(row => row.Writer, StringComparer.Ordinal)
            .ToDictionary(writer => writer.Key, writer => writer.Select(row => row.Node!).ToHashSet(StringComparer.Ordinal), StringComparer.Ordinal);
        var wrong = nodes.Where(writer => writer.Value.Count > 1)
            .Select(writer => $"process {writer.Key} wrote as the nodes {string.Join(", ", writer.Value)}").ToList();
        foreach (var dot in rows.GroupBy(row => row.Dot, StringComparer.Ordinal))
        {
            Follow(dot.Key, dot, nodes, wrong);
        }

        return wrong;
    }

    private static void Follow(string dot, IEnumerable<JournalRow> rows, Dictionary<string, HashSet<string>> nodes, List<string> wrong)
    {
        var (node, epoch, writer) = ("", 0L, "");
        var gone = new HashSet<string>(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            if (row.Node is not null)
            {
                if (row.Epoch <= epoch)
                {
                    wrong.Add($"{dot}: epoch {row.Epoch} of {row.Node} follows epoch {epoch} of {node}");
                }

                (node, epoch) = (row.Node, row.Epoch);
                gone.Remove(row.Writer);
            }

            if (row.Writer != writer)
            {
                gone.Add(writer);
                writer = row.Writer;
            }

            if (gone.Contains(row.Writer) || (nodes.TryGetValue(row.Writer, out var its) && !its.Contains(node)))
            {
                wrong.Add($"{dot}: {row.Manifest} in epoch {epoch} of {node} is of process {row.Writer}, which had it no more");
            }
        }
    }

    private static Task<List<JournalRow>> Read(NodeCluster cluster) => cluster.Server.Query(
        cluster.Database.Database,
        "SELECT persistence_id, writer_uuid, manifest, message FROM journal WHERE persistence_id LIKE 'dot-%' ORDER BY persistence_id, sequence_number",
        row =>
        {
            var says = JsonNode.Parse((byte[])row[3])!;
            return new JournalRow(row.GetString(0), row.GetString(1), row.GetString(2), (string?)says["node"], (long?)says["epoch"] ?? 0);
        });
}
