using System.Collections.Concurrent;
using System.Collections.Immutable;
using Dotmesh.Actors.Storage.Posix;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// The embedded driver: a pool in an ordinary folder, without root or kernel modules. A commit is a manifest of the tree
/// and immutable copies of what changed; it is not atomic against a concurrent writer.
/// </summary>
public sealed partial class DirectoryStorage : IStorage
{
    /// <summary>Name of the stream format.</summary>
    public const string StreamFormat = "dotmesh-directory-v1";

    /// <summary>Feature: nobody who may use the node's files can write into a mounted commit, root included.</summary>
    public const string ReadOnlyViews = "read-only-views";

    private readonly PoolFolder _pool;

    private DirectoryStorage(PoolFolder pool)
    {
        _pool = pool;
        var isRoot = Libc.geteuid() == 0;
        Capabilities = new StorageCapabilities(
            "directory",
            "directory format 1",
            StreamFormat,
            ImmutableSortedDictionary<string, bool>.Empty
                .Add("atomic-commit", false)
                .Add(StorageCapabilities.ClosesToWriters, false)
                .Add("owners", isRoot)
                .Add(ReadOnlyViews, !isRoot || pool.MountsReadOnly));
        if (isRoot && !pool.MountsReadOnly)
        {
            pool.Log.LogViewsWritableByRoot();
        }
    }

    public StorageCapabilities Capabilities { get; }

    /// <summary>Opens the pool, making it when its folder is empty or missing. Call <see cref="Recover"/> next.</summary>
    public static async Task<DirectoryStorage> Open(
        DirectoryStorageOptions options, Faults faults, TimeProvider time, ILoggerFactory log, CancellationToken ct)
    {
        var pool = await Task.Run(() => PoolFolder.Open(options, faults, time, log.CreateLogger<DirectoryStorage>()), ct);
        try
        {
            await Task.Run(() => LoadOrigins(pool, ct), ct);
        }
        catch
        {
            pool.Dispose();
            throw;
        }

        pool.Log.LogOpened(StorageNodeId.FromGuid(pool.Guid).Value, pool.Root, pool.Mounts);
        return new DirectoryStorage(pool);
    }

    public ValueTask DisposeAsync()
    {
        _pool.Dispose();
        return ValueTask.CompletedTask;
    }

    public Task<PoolInfo> Pool(CancellationToken ct) => Task.Run(
        () =>
        {
            if (!PoolFiles.Exists($"{_pool.Root}/pool.json"))
            {
                throw new StorageException(
                    StorageFailure.PoolMissing, $"The pool's folder {_pool.Root} is gone: mount or restore it");
            }

            var drive = new DriveInfo(_pool.Root);
            return new PoolInfo(
                StorageNodeId.FromGuid(_pool.Guid), _pool.Root, drive.TotalSize, drive.AvailableFreeSpace, "ONLINE");
        },
        ct);

    public Task<IReadOnlyList<StoredFilesystem>> List(CancellationToken ct) => Task.Run(
        () =>
        {
            var found = new ConcurrentBag<StoredFilesystem>();
            var mounted = PoolFiles.Names(_pool.Mounts).ToHashSet(StringComparer.Ordinal);
            Parallelism.ForEach(PoolFiles.Names(_pool.Filesystems), ct, id =>
            {
                try
                {
                    if (Read(id, mounted.Contains(id)) is { } filesystem)
                    {
                        found.Add(filesystem);
                    }
                }
                catch (StorageException damaged) when (damaged.Failure == StorageFailure.Unexpected)
                {
                    // one damaged filesystem must not hide the others
                    _pool.Log.LogDamaged(id, damaged.Message);
                }
            });
            return (IReadOnlyList<StoredFilesystem>)[.. found.OrderBy(f => f.Id.Value, StringComparer.Ordinal)];
        },
        ct);

    public Task<StoredFilesystem?> Find(FilesystemId id, CancellationToken ct) => Task.Run(
        () => IsName(id.Value) ? Read(id.Value, Mounting.IsMounted(_pool.MountOf(id.Value))) : null, ct);

    public Task Create(FilesystemId id, FilesystemLabels labels, CancellationToken ct) => Locked(
        ct,
        () =>
        {
            RefuseTaken(id);
            Build(id, creating => creating.Create(id.Value, labels));
            return Task.CompletedTask;
        },
        id);

    public Task<StoredCommit> Commit(FilesystemId id, CommitId commit, CommitMetadata metadata, CancellationToken ct) =>
        Locked(
            ct,
            async () =>
            {
                var head = Head(id);
                RequireName(commit);
                if (head.Find(commit) is not null)
                {
                    throw new StorageException(
                        StorageFailure.AlreadyExists, $"Filesystem {id} has a commit {commit} already");
                }

                var made = await new Committing(_pool).Commit(id.Value, head, commit, metadata, ct);
                return made.ToStored();
            },
            id);

    public Task Rollback(FilesystemId id, CommitId to, CancellationToken ct) => Locked(
        ct,
        () =>
        {
            var head = Head(id);
            new Restoring(_pool).Rollback(id.Value, head, Require(id, head, to), ct);
            return Task.CompletedTask;
        },
        [id, .. _pool.DependentsOf(id.Value).Select(d => new FilesystemId(d))]);

    public Task Branch(FilesystemId source, CommitId at, FilesystemId id, FilesystemLabels labels, CancellationToken ct) =>
        Locked(
            ct,
            () =>
            {
                var commit = Require(source, Head(source), at);
                RefuseTaken(id);
                Build(id, creating => creating.Branch(source.Value, commit, id.Value, labels, ct));
                return Task.CompletedTask;
            },
            source,
            id);

    public Task Stash(
        FilesystemId id, CommitId at, FilesystemId stash, FilesystemLabels stashLabels, CancellationToken ct) => Locked(
        ct,
        () =>
        {
            var stashing = new Stashing(_pool);
            if (Intent.TryRead(_pool.IntentOf(id.Value)) is { Operation: Intent.Stashes } begun)
            {
                stashing.Finish(id.Value, begun);
                if (begun.Commit == at.Value && begun.Stash == stash.Value)
                {
                    return Task.CompletedTask;
                }
            }

            var head = Head(id);
            var commit = Require(id, head, at);
            if (stashing.IsDone(id.Value, head, commit, stash.Value))
            {
                // Recover finished it after a crash, and the caller, who cannot know, asks again
                return Task.CompletedTask;
            }

            RefuseTaken(stash);
            stashing.Stash(id.Value, head, commit, stash.Value, stashLabels, ct);
            return Task.CompletedTask;
        },
        [id, stash, .. _pool.DependentsOf(id.Value).Select(d => new FilesystemId(d))]);

    public Task Destroy(FilesystemId id, CancellationToken ct) => Locked(
        ct,
        () =>
        {
            if (_pool.DependentsOf(id.Value).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } dependents)
            {
                throw new StorageException(
                    StorageFailure.HasDependents,
                    $"Filesystem {id} has branches: {string.Join(", ", dependents)}; delete those first");
            }

            Remove(id.Value);
            return Task.CompletedTask;
        },
        id);

    public Task<IReadOnlyDictionary<FilesystemId, FilesystemUsage>> Usage(
        IReadOnlyCollection<FilesystemId> ids, CancellationToken ct) => Task.Run(
        () =>
        {
            var found = new ConcurrentDictionary<FilesystemId, FilesystemUsage>();
            Parallelism.ForEach(ids, ct, id =>
            {
                if (TryMeasure(id, ct) is { } usage)
                {
                    found[id] = usage;
                }
            });
            return (IReadOnlyDictionary<FilesystemId, FilesystemUsage>)found;
        },
        ct);

    public Task<IReadOnlyDictionary<CommitId, long>> CommitSizes(FilesystemId id, CancellationToken ct) => Task.Run(
        () =>
        {
            // the log has the size of each commit: neither trees nor manifests are read
            var commits = _pool.Heads.TryGet(id.Value)?.Commits ?? (IsName(id.Value) ? _pool.Folder(id.Value).ReadCommits() : []);
            return (IReadOnlyDictionary<CommitId, long>)commits.ToDictionary(commit => new CommitId(commit.Id), commit => commit.TotalBytes);
        },
        ct);

    public Task<IReadOnlyList<string>> Recover(CancellationToken ct) => Task.Run(
        () =>
        {
            var done = new Recovery(_pool).Run(ct);
            LoadOrigins(_pool, ct);
            return done;
        },
        ct);

    /// <summary>Null when there is no such filesystem, or none any more: it may be destroyed meanwhile.</summary>
    private FilesystemUsage? TryMeasure(FilesystemId id, CancellationToken ct)
    {
        try
        {
            return IsName(id.Value) && TryHead(id) is { } head ? Usages.Measure(_pool.Folder(id.Value), head, ct) : null;
        }
        catch (StorageException) when (!PoolFiles.Exists(_pool.Folder(id.Value).Path))
        {
            return null;
        }
    }
}
