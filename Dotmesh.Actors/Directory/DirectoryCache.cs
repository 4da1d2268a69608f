using System.Collections.Concurrent;

namespace Dotmesh.Actors.Directory;

/// <summary>
/// The directory in memory. Rows are immutable and live in one dictionary by id; the others only lead there, so that a
/// reader sees the same row whichever way it came. Read by anyone without locks, written by the database writer alone.
/// </summary>
internal sealed class DirectoryCache
{
    private readonly ConcurrentDictionary<FilesystemId, DotRow> _dots = new();
    private readonly ConcurrentDictionary<DotName, FilesystemId> _names = new();
    private readonly ConcurrentDictionary<FilesystemId, (FilesystemId Dot, string Branch)> _branches = new();
    private long _version;
    private Snapshot? _snapshot;

    /// <summary>After a row was set or removed.</summary>
    public Action<FilesystemId>? Changed { get; set; }

    public IReadOnlyCollection<DotRow> All
    {
        get
        {
            // lists are asked for far more often than rows change: the copy is kept until the next write
            var version = Volatile.Read(ref _version);
            var snapshot = Volatile.Read(ref _snapshot);
            if (snapshot is null || snapshot.Version != version)
            {
                snapshot = new Snapshot(version, [.. _dots.Values]);
                Volatile.Write(ref _snapshot, snapshot);
            }

            return snapshot.Rows;
        }
    }

    public DotRow? Find(FilesystemId dot) => _dots.GetValueOrDefault(dot);

    public DotRow? Find(DotName name) =>
        _names.TryGetValue(name, out var id) && _dots.TryGetValue(id, out var row) ? row : null;

    public DotTarget? FindFilesystem(FilesystemId filesystem)
    {
        if (_dots.TryGetValue(filesystem, out var master))
        {
            return new DotTarget(master, "", filesystem);
        }

        return _branches.TryGetValue(filesystem, out var at)
            && _dots.TryGetValue(at.Dot, out var dot)
            && dot.Branches.TryGetValue(at.Branch, out var branch)
            && branch.Id == filesystem
                ? new DotTarget(dot, at.Branch, filesystem)
                : null;
    }

    public void Set(DotRow row)
    {
        if (_dots.TryGetValue(row.Id, out var before))
        {
            Forget(before, keep: row);
        }

        _dots[row.Id] = row;
        _names[row.Name] = row.Id;
        foreach (var branch in row.Branches.Values)
        {
            _branches[branch.Id] = (row.Id, branch.Name);
        }

        Interlocked.Increment(ref _version);
        Changed?.Invoke(row.Id);
    }

    public void Remove(FilesystemId dot)
    {
        if (_dots.TryRemove(dot, out var row))
        {
            Forget(row, keep: null);
        }

        Interlocked.Increment(ref _version);
        Changed?.Invoke(dot);
    }

    private void Forget(DotRow before, DotRow? keep)
    {
        if (before.Name != keep?.Name)
        {
            // only the own entry: the name may have been given to another dot
            _names.TryRemove(KeyValuePair.Create(before.Name, before.Id));
        }

        foreach (var branch in before.Branches.Values)
        {
            if (keep is null || !keep.Branches.TryGetValue(branch.Name, out var kept) || kept.Id != branch.Id)
            {
                _branches.TryRemove(KeyValuePair.Create(branch.Id, (before.Id, branch.Name)));
            }
        }
    }

    /// <param name="Version">Read before the rows: a copy that a write overtook is never taken for the newest.</param>
    private sealed record Snapshot(long Version, DotRow[] Rows);
}
