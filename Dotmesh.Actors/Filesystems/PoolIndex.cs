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

    /// <summary>What is known of a filesystem before the pool is read for it; see <see cref="TryPut"/>.</summary>
    public Seen Look(FilesystemId id) => _entries.TryGetValue(id, out var entry) ? new Seen(entry, entry.Changes) : default;

    /// <summary>
    /// Takes what was read of the pool, unless something was done to the filesystem since <paramref name="seen"/>: a commit that was made
    /// meanwhile may not be in what was read. False then: read again.
    /// </summary>
    /// <param name="found">Null: the pool has no such filesystem.</param>
    public bool TryPut(FilesystemId id, StoredFilesystem? found, Seen seen)
    {
        if (seen.Entry is Entry known ? !_entries.TryGetValue(id, out var now) || !ReferenceEquals(now, known) || !known.Retire(seen.Changes)
            : _entries.ContainsKey(id))
        {
            return false;
        }

        if (found is null)
        {
            Remove(id);
        }
        else
        {
            Put(found);
        }

        return true;
    }

    /// <summary>A commit was made. Nothing when the filesystem is gone, or when the pool was read after it and told of it.</summary>
    public void Append(FilesystemId id, StoredCommit commit)
    {
        // one that is being replaced takes no more: its successor is there in a moment
        var spin = default(SpinWait);
        while (_entries.TryGetValue(id, out var entry) && !entry.TryAppend(commit))
        {
            spin.SpinOnce();
        }
    }

    public void SetLabels(FilesystemId id, FilesystemLabels labels)
    {
        while (true)
        {
            var seen = Look(id);
            if (Find(id) is not { } known || TryPut(id, known with { Labels = labels }, seen))
            {
                return;
            }
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

    /// <summary>What was known of a filesystem at some moment.</summary>
    public readonly struct Seen
    {
        internal Seen(object entry, int changes) => (Entry, Changes) = (entry, changes);

        internal object? Entry { get; }

        internal int Changes { get; }
    }

    /// <summary>A growable list of commits: an append is cheap however many there are.</summary>
    private sealed class Entry(StoredFilesystem filesystem)
    {
        private readonly Lock _lock = new();
        private StoredCommit[] _commits = [.. filesystem.Commits];
        private int _count = filesystem.Commits.Length;
        private bool _mounted = filesystem.Mounted;
        private int _changes;
        private bool _retired;

        public FilesystemLabels? Labels { get; } = filesystem.Labels;

        public bool Mounted
        {
            get => Volatile.Read(ref _mounted);
            set
            {
                lock (_lock)
                {
                    _mounted = value;
                    _changes++;
                }
            }
        }

        /// <summary>How often something was done to it.</summary>
        public int Changes => Volatile.Read(ref _changes);

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

        /// <summary>From here on another entry takes what is appended; false when something was done to it since it was looked at.</summary>
        public bool Retire(int seen)
        {
            lock (_lock)
            {
                if (_retired || _changes != seen)
                {
                    return false;
                }

                _retired = true;
                return true;
            }
        }

        /// <summary>False when it is retired.</summary>
        public bool TryAppend(StoredCommit commit)
        {
            lock (_lock)
            {
                if (_retired)
                {
                    return false;
                }

                if (_count > 0 && _commits[_count - 1].Id == commit.Id)
                {
                    // the pool was read between the commit and this
                    return true;
                }

                if (_count == _commits.Length)
                {
                    Array.Resize(ref _commits, Math.Max(4, _count + (_count / 2)));
                }

                _commits[_count] = commit;
                _count++;
                _changes++;
                return true;
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
