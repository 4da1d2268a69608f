using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Specs.Support;

/// <summary>
/// An honest pool in memory: files are texts, commits are copies, dependents hold what they start from, a rollback keeps
/// branches alive as <see cref="IStorage"/> demands. It outlives the node that uses it, as a pool does.
/// </summary>
internal sealed class MemoryStorage(string root) : IStorage
{
    private readonly Lock _lock = new();
    private readonly Dictionary<FilesystemId, Filesystem> _filesystems = [];
    private ulong _guid = 100;
    private int _calls;

    /// <summary>Runs before each operation, with its name: may wait or throw.</summary>
    public Func<string, FilesystemId, CancellationToken, Task> Before { get; set; } = (_, _, _) => Task.CompletedTask;

    /// <summary>Runs after a filesystem was read and before that is answered.</summary>
    public Func<string, FilesystemId, CancellationToken, Task> After { get; set; } = (_, _, _) => Task.CompletedTask;

    public StorageNodeId Node { get; init; } = StorageNodeId.FromGuid(0xd07);

    public int Calls => Volatile.Read(ref _calls);

    public StorageCapabilities Capabilities { get; } =
        new("memory", "1", "memory-1", ImmutableSortedDictionary<string, bool>.Empty);

    public void Write(FilesystemId id, string file, string text)
    {
        lock (_lock)
        {
            Get(id).Live = Get(id).Live.SetItem(file, text);
        }
    }

    public string? Read(FilesystemId id, string file)
    {
        lock (_lock)
        {
            return Get(id).Live.GetValueOrDefault(file);
        }
    }

    public async Task<PoolInfo> Pool(CancellationToken ct)
    {
        await Enter("pool", default, ct);
        return new PoolInfo(Node, "memory", 1000, 900, "ONLINE");
    }

    public async Task<IReadOnlyList<StoredFilesystem>> List(CancellationToken ct)
    {
        await Enter("list", default, ct);
        lock (_lock)
        {
            return [.. _filesystems.Values.Select(filesystem => filesystem.Stored())];
        }
    }

    public async Task<StoredFilesystem?> Find(FilesystemId id, CancellationToken ct)
    {
        await Enter("find", id, ct);
        StoredFilesystem? found;
        lock (_lock)
        {
            found = _filesystems.GetValueOrDefault(id)?.Stored();
        }

        await After("find", id, ct);
        return found;
    }

    public async Task Create(FilesystemId id, FilesystemLabels labels, CancellationToken ct)
    {
        await Enter("create", id, ct);
        lock (_lock)
        {
            Add(new Filesystem { Id = id, Labels = labels });
        }
    }

    public async Task<StoredCommit> Commit(FilesystemId id, CommitId commit, CommitMetadata metadata, CancellationToken ct)
    {
        await Enter("commit", id, ct);
        lock (_lock)
        {
            var filesystem = Get(id);
            if (filesystem.Commits.Exists(known => known.Stored.Id == commit))
            {
                throw new StorageException(StorageFailure.AlreadyExists, $"{id}@{commit} exists");
            }

            var stored = new StoredCommit(commit, ++_guid, DateTimeOffset.UnixEpoch.AddSeconds(_guid), metadata);
            filesystem.Commits.Add((stored, filesystem.Live));
            return stored;
        }
    }

    public async Task Rollback(FilesystemId id, CommitId to, CancellationToken ct)
    {
        await Enter("rollback", id, ct);
        lock (_lock)
        {
            var filesystem = Get(id);
            var at = filesystem.IndexOf(to);
            foreach (var branch in _filesystems.Values.Where(b => b.Origin?.Filesystem == id))
            {
                var origin = filesystem.IndexOf(branch.Origin!.Commit);
                if (origin > at)
                {
                    // promoted: it takes what it stands on
                    branch.Commits.InsertRange(0, filesystem.Commits.GetRange(at + 1, origin - at));
                    branch.Origin = new CommitOrigin(id, to);
                }
            }

            filesystem.Commits.RemoveRange(at + 1, filesystem.Commits.Count - at - 1);
            filesystem.Live = filesystem.Commits[at].Files;
        }
    }

    public async Task Branch(FilesystemId source, CommitId at, FilesystemId id, FilesystemLabels labels, CancellationToken ct)
    {
        await Enter("branch", source, ct);
        lock (_lock)
        {
            var from = Get(source);
            Add(new Filesystem
            {
                Id = id,
                Labels = labels,
                Origin = new CommitOrigin(source, at),
                Live = from.Commits[from.IndexOf(at)].Files,
            });
        }
    }

    public async Task Stash(FilesystemId id, CommitId at, FilesystemId stash, FilesystemLabels stashLabels, CancellationToken ct)
    {
        await Enter("stash", id, ct);
        lock (_lock)
        {
            var filesystem = Get(id);
            var from = filesystem.IndexOf(at);
            if (!_filesystems.ContainsKey(stash))
            {
                var later = filesystem.Commits.GetRange(from + 1, filesystem.Commits.Count - from - 1);
                Add(new Filesystem
                {
                    Id = stash,
                    Labels = stashLabels,
                    Origin = new CommitOrigin(id, at),
                    Live = filesystem.Live,
                    Commits = later,
                });
                foreach (var branch in _filesystems.Values.Where(b =>
                             b.Origin?.Filesystem == id && later.Exists(c => c.Stored.Id == b.Origin.Commit)))
                {
                    branch.Origin = new CommitOrigin(stash, branch.Origin!.Commit);
                }
            }

            filesystem.Commits.RemoveRange(from + 1, filesystem.Commits.Count - from - 1);
            filesystem.Live = filesystem.Commits[from].Files;
        }
    }

    public async Task<string> Mount(FilesystemId id, CancellationToken ct)
    {
        await Enter("mount", id, ct);
        lock (_lock)
        {
            Get(id).Mounted = true;
        }

        return Directory.CreateDirectory(Path.Combine(root, "dmfs", id.Value)).FullName;
    }

    public async Task Unmount(FilesystemId id, CancellationToken ct)
    {
        await Enter("unmount", id, ct);
        lock (_lock)
        {
            Get(id).Mounted = false;
        }
    }

    public async Task<string> MountCommit(FilesystemId id, CommitId commit, CancellationToken ct)
    {
        await Enter("mount-commit", id, ct);
        return Directory.CreateDirectory(Path.Combine(root, "dmfs", $"{id}@{commit}")).FullName;
    }

    public Task<bool> SetWritable(bool writable, CancellationToken ct) => Task.FromResult(false);

    public async Task SetLabels(FilesystemId id, FilesystemLabels labels, CancellationToken ct)
    {
        await Enter("labels", id, ct);
        lock (_lock)
        {
            Get(id).Labels = labels;
        }
    }

    public async Task<IReadOnlyDictionary<FilesystemId, FilesystemUsage>> Usage(
        IReadOnlyCollection<FilesystemId> ids, CancellationToken ct)
    {
        await Enter("usage", default, ct);
        lock (_lock)
        {
            return ids.Where(_filesystems.ContainsKey).ToDictionary(id => id, id => _filesystems[id].Usage());
        }
    }

    public async Task<IReadOnlyDictionary<CommitId, long>> CommitSizes(FilesystemId id, CancellationToken ct)
    {
        await Enter("commit-sizes", id, ct);
        lock (_lock)
        {
            return (_filesystems.GetValueOrDefault(id)?.Commits ?? []).ToDictionary(
                commit => commit.Stored.Id, commit => commit.Files.Values.Sum(text => (long)text.Length));
        }
    }

    public async Task Destroy(FilesystemId id, CancellationToken ct)
    {
        await Enter("destroy", id, ct);
        lock (_lock)
        {
            if (_filesystems.Values.FirstOrDefault(b => b.Origin?.Filesystem == id) is { } dependent)
            {
                throw new StorageException(StorageFailure.HasDependents, $"{dependent.Id} was branched from {id}");
            }

            _filesystems.Remove(id);
        }
    }

    public async Task<long> PredictSize(StreamRange range, CancellationToken ct)
    {
        await Enter("predict", range.Filesystem, ct);
        lock (_lock)
        {
            return Get(range.Filesystem).Usage().SizeBytes;
        }
    }

    public Task Send(StreamRange range, string? resume, Stream output, CancellationToken ct) => throw NoStreams();

    public Task<string?> ResumePoint(StreamRange range, CancellationToken ct) => Task.FromResult<string?>(null);

    public Task Receive(StreamRange range, FilesystemLabels labels, Stream input, CancellationToken ct) => throw NoStreams();

    public Task<long> PredictPlain(StreamRange range, CancellationToken ct) => throw NoStreams();

    public Task SendPlain(StreamRange range, Stream output, CancellationToken ct) => throw NoStreams();

    public Task ReceivePlain(
        StreamRange range, FilesystemLabels labels, IReadOnlyDictionary<CommitId, CommitMetadata>? metadata, Stream input, CancellationToken ct) =>
        throw NoStreams();

    public async Task<IReadOnlyList<string>> Recover(CancellationToken ct)
    {
        await Enter("recover", default, ct);
        return [];
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static StorageException NoStreams() => new(StorageFailure.Unsupported, "the memory pool has no streams");

    private async Task Enter(string operation, FilesystemId id, CancellationToken ct)
    {
        Interlocked.Increment(ref _calls);
        await Before(operation, id, ct);
    }

    private Filesystem Get(FilesystemId id) => _filesystems.GetValueOrDefault(id)
        ?? throw new StorageException(StorageFailure.NotFound, $"no filesystem {id}");

    private void Add(Filesystem filesystem)
    {
        if (!_filesystems.TryAdd(filesystem.Id, filesystem))
        {
            throw new StorageException(StorageFailure.AlreadyExists, $"{filesystem.Id} exists");
        }
    }

    private sealed class Filesystem
    {
        public required FilesystemId Id { get; init; }

        public CommitOrigin? Origin { get; set; }

        public required FilesystemLabels Labels { get; set; }

        public bool Mounted { get; set; } = true;

        public ImmutableSortedDictionary<string, string> Live { get; set; } = ImmutableSortedDictionary<string, string>.Empty;

        public List<(StoredCommit Stored, ImmutableSortedDictionary<string, string> Files)> Commits { get; init; } = [];

        public int IndexOf(CommitId commit)
        {
            var at = Commits.FindIndex(known => known.Stored.Id == commit);
            return at >= 0 ? at : throw new StorageException(StorageFailure.NotFound, $"no commit {Id}@{commit}");
        }

        public StoredFilesystem Stored() => new(Id, Origin, Labels, Mounted, [.. Commits.Select(c => c.Stored)]);

        public FilesystemUsage Usage() => new(
            Live.Values.Sum(text => text.Length),
            Commits.Count > 0 && ReferenceEquals(Commits[^1].Files, Live) ? 0 : Live.Values.Sum(text => text.Length));
    }
}
