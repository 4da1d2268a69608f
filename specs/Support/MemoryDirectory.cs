using Dotmesh.Actors;
using Dotmesh.Actors.Directory;

namespace Dotmesh.Specs.Support;

/// <summary>The directory's tables in memory; they outlive the node that uses them.</summary>
internal sealed class MemoryDirectory : IDirectory
{
    private readonly Lock _lock = new();
    private readonly Dictionary<FilesystemId, DotRow> _rows = [];
    private readonly HashSet<FilesystemId> _deleted = [];
    private int _writes;
    private Action<FilesystemId>? _changed;

    public int Writes => Volatile.Read(ref _writes);

    public IReadOnlyCollection<DotRow> Dots
    {
        get
        {
            lock (_lock)
            {
                return [.. _rows.Values];
            }
        }
    }

    public DotRow? Find(DotName name) => Dots.FirstOrDefault(row => row.Name == name);

    public DotRow? Find(FilesystemId dot)
    {
        lock (_lock)
        {
            return _rows.GetValueOrDefault(dot);
        }
    }

    public DotTarget? FindFilesystem(FilesystemId filesystem)
    {
        foreach (var row in Dots)
        {
            if (row.Id == filesystem)
            {
                return new DotTarget(row, "", filesystem);
            }

            if (row.Branches.Values.FirstOrDefault(branch => branch.Id == filesystem) is { } branch)
            {
                return new DotTarget(row, branch.Name, filesystem);
            }
        }

        return null;
    }

    public Task<(DotRow Row, bool Reserved)> Reserve(DotRow row, CancellationToken ct)
    {
        lock (_lock)
        {
            if (_rows.Values.FirstOrDefault(known => known.Name == row.Name) is { } taken)
            {
                return Task.FromResult((taken, false));
            }

            _writes++;
            _rows[row.Id] = row;
        }

        _changed?.Invoke(row.Id);
        return Task.FromResult((row, true));
    }

    public Task Project(DotRow row, CancellationToken ct)
    {
        lock (_lock)
        {
            if (_rows.Values.FirstOrDefault(other => other.Name == row.Name && other.Id != row.Id) is { } holder)
            {
                throw new DirectoryConflictException(row, holder);
            }

            _writes++;
            _rows[row.Id] = row;
        }

        _changed?.Invoke(row.Id);
        return Task.CompletedTask;
    }

    public Task Remove(FilesystemId dot, CancellationToken ct)
    {
        lock (_lock)
        {
            _writes++;
            _rows.Remove(dot);
            _deleted.Add(dot);
        }

        _changed?.Invoke(dot);
        return Task.CompletedTask;
    }

    public Task<IReadOnlySet<FilesystemId>> Deleted(IReadOnlyCollection<FilesystemId> dots, CancellationToken ct)
    {
        lock (_lock)
        {
            return Task.FromResult<IReadOnlySet<FilesystemId>>(dots.Where(_deleted.Contains).ToHashSet());
        }
    }

    /// <summary>One node: there is nobody to take over from.</summary>
    public Task<int> TakeOver(
        StorageNodeId dead, IReadOnlyDictionary<StorageNodeId, IReadOnlyList<FilesystemId>> to, CancellationToken ct) => Task.FromResult(0);

    public void Watch(Action<FilesystemId> changed) => _changed += changed;

    public Task<bool> MoveControl(FilesystemId dot, long seenEpoch, StorageNodeId to, CancellationToken ct)
    {
        lock (_lock)
        {
            if (_rows.GetValueOrDefault(dot) is not { } row || row.Epoch != seenEpoch)
            {
                return Task.FromResult(false);
            }

            _rows[dot] = row with { Node = to, Epoch = seenEpoch + 1 };
        }

        _changed?.Invoke(dot);
        return Task.FromResult(true);
    }
}
