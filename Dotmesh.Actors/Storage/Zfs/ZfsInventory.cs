using System.Globalization;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>A snapshot as the pool lists it.</summary>
internal sealed class ZfsSnapshot(string name)
{
    public string Name { get; } = name;
    public ulong Guid { get; set; }
    public long Created { get; set; }
    public ulong CreateTxg { get; set; }
    public Dictionary<string, string> Properties { get; } = new(StringComparer.Ordinal);
}

/// <summary>A dataset below the parent, temporaries included.</summary>
internal sealed class ZfsDataset(string name)
{
    public string Name { get; } = name;
    public string? Origin { get; set; }

    /// <summary>User properties set on it, not inherited and not received.</summary>
    public Dictionary<string, string> Local { get; } = new(StringComparer.Ordinal);

    /// <summary>In the order in which they were made.</summary>
    public List<ZfsSnapshot> Snapshots { get; } = [];
}

/// <summary>
/// Reads <c>zfs get -Hp -o name,property,value,source</c>, line by line. Lines that it does not understand are skipped:
/// a newer tool may print more than is known here.
/// </summary>
internal sealed class ZfsInventory
{
    private readonly Dictionary<string, ZfsDataset> _datasets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ZfsSnapshot> _snapshots = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, ZfsDataset> Datasets => _datasets;

    public ZfsDataset? this[string name] => _datasets.GetValueOrDefault(name);

    /// <summary>Native properties: makes what is listed.</summary>
    public void ReadNative(string line)
    {
        if (line.Split('\t', 4) is not [var name, var property, var value, ..])
        {
            return;
        }

        var at = name.IndexOf('@');
        if (at < 0 && !name.Contains('#'))
        {
            if (!_datasets.TryGetValue(name, out var dataset))
            {
                _datasets[name] = dataset = new ZfsDataset(name);
            }

            dataset.Origin = property == "origin" && value is not ("-" or "") ? value : dataset.Origin;
        }
        else if (at > 0)
        {
            Snapshot(name, at, property, value);
        }
    }

    /// <summary>User properties: only those set on the object itself, of objects listed before.</summary>
    public void ReadUser(string line)
    {
        if (line.Split('\t') is not [var name, var property, var value, var source]
            || !property.StartsWith(ZfsProperties.Prefix, StringComparison.Ordinal))
        {
            return;
        }

        if (_snapshots.TryGetValue(name, out var snapshot) && source is "local" or "received")
        {
            snapshot!.Properties[property] = value;
        }
        else if (_datasets.TryGetValue(name, out var dataset) && source == "local")
        {
            dataset.Local[property] = value;
        }
    }

    /// <summary>Puts snapshots in order of creation where the pool tells the transaction; else it lists them so.</summary>
    public void Order()
    {
        foreach (var dataset in _datasets.Values)
        {
            dataset.Snapshots.Sort((a, b) => a.CreateTxg.CompareTo(b.CreateTxg));
        }
    }

    private void Snapshot(string name, int at, string property, string value)
    {
        if (!_snapshots.TryGetValue(name, out var snapshot))
        {
            if (!_datasets.TryGetValue(name[..at], out var dataset))
            {
                return;
            }

            _snapshots[name] = snapshot = new ZfsSnapshot(name[(at + 1)..]) { CreateTxg = (ulong)dataset.Snapshots.Count };
            dataset.Snapshots.Add(snapshot);
        }

        var isNumber = ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        switch (property)
        {
            case "guid" when isNumber:
                snapshot.Guid = number;
                break;
            case "creation" when isNumber:
                snapshot.Created = (long)number;
                break;
            case "createtxg" when isNumber:
                snapshot.CreateTxg = number;
                break;
        }
    }
}
