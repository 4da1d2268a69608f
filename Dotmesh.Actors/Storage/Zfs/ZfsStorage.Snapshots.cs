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
    private async Task<ZfsDataset?> Outline(string dataset, CancellationToken ct)
    {
        try
        {
            return await _tool.Reading(
                async () =>
                {
                    var inventory = new ZfsInventory();
                    var native = _features.Kernel ? "guid,createtxg,creation,origin" : "guid,creation,origin";
                    await _tool.Lines(["get", "-Hp", "-r", "-o", "name,property,value", native, dataset], inventory.ReadNative, ct);
                    return inventory.Whole(dataset, guids: true)[dataset];
                },
                ct);
        }
        catch (StorageException missing) when (missing.Failure == StorageFailure.NotFound)
        {
            return null;
        }
    }

    /// <summary>Reads our properties of some of the snapshots of a dataset into them.</summary>
    private async Task ReadProperties(ZfsDataset dataset, IEnumerable<ZfsSnapshot> snapshots, CancellationToken ct)
    {
        foreach (var some in snapshots.Chunk(SnapshotsAtOnce))
        {
            var byName = some.ToDictionary(snapshot => $"{dataset.Name}@{snapshot.Name}", StringComparer.Ordinal);
            await _tool.Reading(
                async () =>
                {
                    await _tool.Lines(
                        ["get", "-Hp", "-s", "local,received", "-o", "name,property,value,source", "all", .. byName.Keys],
                        line => Take(line, byName), ct);
                    return true;
                },
                ct);
        }
    }

    private static void Take(string line, Dictionary<string, ZfsSnapshot> snapshots)
    {
        // values of others may hold tabs and newlines; ours hold neither
        var fields = line.Split('\t');
        if (fields.Length < 2 || !fields[1].StartsWith(ZfsProperties.Prefix, StringComparison.Ordinal))
        {
            return;
        }

        var snapshot = fields is [var name, _, _, _] ? snapshots.GetValueOrDefault(name) : null;
        (snapshot ?? throw ZfsInventory.NotUnderstood(line)).Properties[fields[1]] = fields[2];
    }
}
