namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Readings for streams, whose cost hardly grows with the number of a filesystem's commits: what is not asked for is not printed, and
/// properties are read only of the commits that are in the stream.
/// </summary>
public sealed partial class ZfsStorage
{
    // of names on a command line, far below what a system takes
    private const int SnapshotsAtOnce = 500;

    /// <summary>Names and ids of a dataset's snapshots, oldest first; null when there is no such dataset.</summary>
    private Task<ZfsDataset?> Outline(string dataset, CancellationToken ct) =>
        IfThere(_tool.Reading(async () => (await Native(dataset, ct))[dataset], ct));

    /// <summary>Reads our properties of some of the snapshots of a dataset into them.</summary>
    private async Task ReadProperties(ZfsDataset dataset, IEnumerable<ZfsSnapshot> snapshots, CancellationToken ct)
    {
        foreach (var some in snapshots.Chunk(SnapshotsAtOnce))
        {
            var byName = some.ToDictionary(snapshot => $"{dataset.Name}@{snapshot.Name}", StringComparer.Ordinal);
            await _tool.Reading<Done>(
                async () =>
                {
                    await _tool.Lines(
                        ["get", "-Hp", "-s", "local,received", "-o", "name,property,value,source", "all", .. byName.Keys],
                        line => Take(line, byName), ct);
                    return default;
                },
                ct);
        }
    }

    private static void Take(string line, Dictionary<string, ZfsSnapshot> snapshots)
    {
        if (ZfsInventory.Ours(line) is var (name, property, value, source))
        {
            (snapshots.GetValueOrDefault(name) ?? throw ZfsInventory.NotUnderstood(line)).Take(property, value, source);
        }
    }
}
