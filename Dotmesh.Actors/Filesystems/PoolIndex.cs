using System.Collections.Concurrent;
using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Filesystems;

/// <summary>
/// The pool in memory (design D6): every filesystem with its commits, read once at start and kept up with the results of
/// each operation. Lists, counts and recovery read it, so neither wakes an actor nor starts a process. Thread-safe.
/// </summary>
public sealed class PoolIndex
{
    private readonly ConcurrentDictionary<FilesystemId, Entry> _entries = new();
    private readonly ConcurrentDictionary<FilesystemId, ImmutableHashSet<FilesystemId>> _byDot = new();

    public int Filesystems => _entries.Count;

    public IEnumerable<FilesystemId> All => _entries.Keys;

    /// <summary>Takes what the pool says in place of what was known.</summary>
    public void Load(IEnumerable<StoredFilesystem> filesystems)
    {
        _entries.Clear();
        _byDot.Clear();
        foreach (var filesystem in filesystems)
        {
            Put(filesystem);
        }
    }

    public void Put(StoredFilesystem filesystem)
    {
        // replaced in one step: who reads meanwhile must not be told that it is gone, a copy of it would be dropped
        var before = LabelsOf(filesystem.Id);
        _entries[filesystem.Id] = new Entry(filesystem);
        if (filesystem.Labels is { } labels)
        {
            _byDot.AddOrUpdate(labels.Dot, _ => [filesystem.Id], (_, ids) => ids.Add(filesystem.Id));
        }

        if (before is not null && before.Dot != filesystem.Labels?.Dot)
        {
            RemoveFrom(before.Dot, filesystem.Id);
        }
    }

    public void Remove(FilesystemId id)
    {
        if (_entries.TryRemove(id, out var entry) && entry.Labels is { } labels)
        {
            RemoveFrom(labels.Dot, id);
        }
    }

    /// <summary>A commit was made. Nothing when the filesystem is gone.</summary>
    public void Append(FilesystemId id, StoredCommit commit)
    {
        if (_entries.TryGetValue(id, out var entry))
        {
            entry.Append(commit);
        }
    }

    public void SetLabels(FilesystemId id, FilesystemLabels labels)
    {
        if (Find(id) is { } known)
        {
            Put(known with { Labels = labels });
        }
    }

    public void SetMounted(FilesystemId id, bool mounted)
    {
        if (_entries.TryGetValue(id, out var entry))
        {
            entry.Mounted = mounted;
        }
    }

    public bool Contains(FilesystemId id) => _entries.ContainsKey(id);

    public bool IsMounted(FilesystemId id) => _entries.TryGetValue(id, out var entry) && entry.Mounted;

    public int Count(FilesystemId id) => _entries.TryGetValue(id, out var entry) ? entry.Count : 0;

    public bool Has(FilesystemId id, CommitId commit) => _entries.TryGetValue(id, out var entry) && entry.Has(commit);

    /// <summary>Null without a commit.</summary>
    public CommitId? Newest(FilesystemId id) => _entries.TryGetValue(id, out var entry) ? entry.Newest : null;

    /// <summary>Oldest first; empty for an unknown filesystem.</summary>
    public ImmutableArray<StoredCommit> Commits(FilesystemId id) =>
        _entries.TryGetValue(id, out var entry) ? entry.Commits() : [];

    /// <summary>Cheaper than <see cref="Find"/>: no copy of the commits.</summary>
    public FilesystemLabels? LabelsOf(FilesystemId id) => _entries.TryGetValue(id, out var entry) ? entry.Labels : null;

    public StoredFilesystem? Find(FilesystemId id) => _entries.TryGetValue(id, out var entry) ? entry.Stored(id) : null;

    /// <summary>The filesystems whose labels name this dot.</summary>
    public IReadOnlyCollection<FilesystemId> OfDot(FilesystemId dot) => _byDot.GetValueOrDefault(dot) ?? [];

    private void RemoveFrom(FilesystemId dot, FilesystemId id)
    {
        var left = _byDot.AddOrUpdate(dot, _ => [], (_, ids) => ids.Remove(id));
        if (left.IsEmpty)
        {
            _byDot.TryRemove(KeyValuePair.Create(dot, left));
        }
    }

    /// <summary>A growable list of commits: an append is cheap however many there are.</summary>
    private sealed class Entry(StoredFilesystem filesystem)
    {
        private readonly Lock _lock = new();
        private StoredCommit[] _commits = [.. filesystem.Commits];
        private int _count = filesystem.Commits.Length;

        public FilesystemLabels? Labels { get; } = filesystem.Labels;

        public bool Mounted { get; set; } = filesystem.Mounted;

        public int Count => Volatile.Read(ref _count);

        public CommitId? Newest
        {
            get
            {
                lock (_lock)
                {
                    return _count == 0 ? null : _commits[_count - 1].Id;
                }
            }
        }

        public void Append(StoredCommit commit)
        {
            lock (_lock)
            {
                if (_count == _commits.Length)
                {
                    Array.Resize(ref _commits, Math.Max(4, _count + (_count / 2)));
                }

                _commits[_count] = commit;
                _count++;
            }
        }

        public bool Has(CommitId commit)
        {
            lock (_lock)
            {
                // the newest are the likeliest to be asked for
                for (var i = _count - 1; i >= 0; i--)
                {
                    if (_commits[i].Id == commit)
                    {
                        return true;
                    }
                }
            }

            return false;
        }

        public ImmutableArray<StoredCommit> Commits()
        {
            lock (_lock)
            {
                return ImmutableArray.Create(_commits, 0, _count);
            }
        }

        public StoredFilesystem Stored(FilesystemId id) => new(id, filesystem.Origin, Labels, Mounted, Commits());
    }
}
