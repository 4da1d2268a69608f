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

    /// <summary>It got a property of ours here; what comes with a stream brings its own.</summary>
    public bool IsLabelledHere { get; private set; }

    /// <param name="source">As the pool tells it.</param>
    public void Take(string property, string value, string source)
    {
        Properties[property] = value;
        IsLabelledHere |= source == "local";
    }
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
/// Reads <c>zfs get -Hp -o name,property,value,source</c>, line by line. Properties of others are skipped; a line of ours
/// that is cut or no number is refused, because a filesystem or commit overlooked here would be taken for one that is gone.
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
        if (line.Split('\t') is not [{ Length: > 0 } name, var property, var value])
        {
            throw NotUnderstood(line);
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
        if (Ours(line) is not var (name, property, value, source))
        {
            return;
        }

        if (_snapshots.TryGetValue(name, out var snapshot) && source is "local" or "received")
        {
            snapshot!.Take(property, value, source);
        }
        else if (_datasets.TryGetValue(name, out var dataset) && source == "local")
        {
            dataset.Local[property] = value;
        }
    }

    /// <summary>Both, in one listing: those the pool has itself have no source, and no colon in their name.</summary>
    public void ReadAny(string line)
    {
        if (line.Split('\t') is [_, "guid" or "creation" or "createtxg" or "origin", ..] native)
        {
            ReadNative(native is [.., "-"] ? string.Join('\t', native[..^1]) : throw NotUnderstood(line));
        }
        else
        {
            ReadUser(line);
        }
    }

    /// <summary>After the last line. Throws when there was none of <paramref name="name"/>, or only half of what belongs to it.</summary>
    /// <param name="guids">They were asked for.</param>
    public ZfsInventory Whole(string name, bool guids)
    {
        Order(guids);
        return this[name] is not null
            ? this
            : throw new StorageException(StorageFailure.Unexpected,
                $"zfs told nothing of {name}, and no error. Is it the zfs program of this system? Try again.");
    }

    /// <summary>Puts snapshots in order of creation where the pool tells the transaction; else it lists them so.</summary>
    private void Order(bool guids)
    {
        foreach (var dataset in _datasets.Values)
        {
            if (dataset.Snapshots.Find(s => (guids && s.Guid == 0) || s.Created == 0) is { } half)
            {
                throw new StorageException(StorageFailure.Unexpected,
                    $"zfs told no GUID or time of {dataset.Name}@{half.Name}. Is it the zfs program of this system? Try again.");
            }

            dataset.Snapshots.Sort((a, b) => a.CreateTxg.CompareTo(b.CreateTxg));
        }
    }

    private void Snapshot(string name, int at, string property, string value)
    {
        if (!_snapshots.TryGetValue(name, out var snapshot))
        {
            if (!_datasets.TryGetValue(name[..at], out var dataset))
            {
                throw NotUnderstood(name);
            }

            _snapshots[name] = snapshot = new ZfsSnapshot(name[(at + 1)..]) { CreateTxg = (ulong)dataset.Snapshots.Count };
            dataset.Snapshots.Add(snapshot);
        }

        switch (property)
        {
            case "guid":
                snapshot.Guid = Number(name, property, value);
                break;
            case "creation":
                snapshot.Created = (long)Number(name, property, value);
                break;
            case "createtxg":
                snapshot.CreateTxg = Number(name, property, value);
                break;
        }
    }

    private static ulong Number(string name, string property, string value) =>
        ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw NotUnderstood($"{name}\t{property}\t{value}");

    /// <summary>A line of <c>zfs get -Hp -o name,property,value,source</c> about a property of ours; null: it is about another one.</summary>
    public static (string Name, string Property, string Value, string Source)? Ours(string line)
    {
        var fields = line.Split('\t');
        // values of others may hold tabs and newlines; ours hold neither
        if (fields.Length < 2 || !fields[1].StartsWith(ZfsProperties.Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        return fields is [var name, var property, var value, var source] ? (name, property, value, source) : throw NotUnderstood(line);
    }

    public static StorageException NotUnderstood(string line) => new(StorageFailure.Unexpected,
        $"zfs printed a line that makes no sense: '{line[..Math.Min(line.Length, 200)]}'. Is it the zfs program of this system? Try again.");
}
