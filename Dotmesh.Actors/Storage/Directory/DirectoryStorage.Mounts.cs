namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Mounts, labels, and what all operations begin with.</summary>
public sealed partial class DirectoryStorage
{
    public Task<string> Mount(FilesystemId id, CancellationToken ct) => Locked(
        ct,
        () =>
        {
            RequirePresent(id);
            var path = _pool.MountOf(id.Value);
            Mounting.Link(path, _pool.Folder(id.Value).Live);
            return Task.FromResult(path);
        },
        id);

    public Task Unmount(FilesystemId id, CancellationToken ct) => Locked(
        ct,
        () =>
        {
            RequirePresent(id);
            Mounting.Unlink(_pool.MountOf(id.Value));
            return Task.CompletedTask;
        },
        id);

    public Task<string> MountCommit(FilesystemId id, CommitId commit, CancellationToken ct) => Locked(
        ct, () => Task.FromResult(Views.Mount(_pool, id.Value, Require(id, Head(id), commit), ct)), id);

    /// <summary>Live files are plain folders: there is nothing to close.</summary>
    public Task<bool> SetWritable(bool writable, CancellationToken ct) => Task.FromResult(false);

    public Task SetLabels(FilesystemId id, FilesystemLabels labels, CancellationToken ct) => Locked(
        ct,
        () =>
        {
            var info = (IsName(id.Value) ? _pool.Folder(id.Value).TryReadInfo() : null) ?? throw Missing(id);
            _pool.Folder(id.Value).WriteInfo(info with { Labels = LabelsInfo.From(labels) });
            _pool.Heads.Drop(id.Value);
            return Task.CompletedTask;
        },
        id);

    private static void LoadOrigins(PoolFolder pool, CancellationToken ct)
    {
        pool.Origins.Clear();
        Parallelism.ForEach(PoolFiles.Names(pool.Filesystems), ct, id =>
        {
            try
            {
                if (pool.Folder(id).TryReadInfo()?.Origin is { } origin)
                {
                    pool.Origins[id] = origin;
                }
            }
            catch (StorageException damaged) when (damaged.Failure == StorageFailure.Unexpected)
            {
                pool.Log.LogDamaged(id, damaged.Message);
            }
        });
    }

    // letters, digits, - and _ as everywhere in Dotmesh: such a name is never a path
    internal static bool IsName(string value) =>
        value.Length is > 0 and <= 128 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private static void RequireName(CommitId commit)
    {
        if (!IsName(commit.Value))
        {
            throw new StorageException(StorageFailure.Unsupported, $"A commit cannot have the id {commit}");
        }
    }

    private static StorageException Missing(FilesystemId id) =>
        new(StorageFailure.NotFound, $"Filesystem {id} does not exist in this pool");

    private static CommitRecord Require(FilesystemId id, Head head, CommitId commit) => head.Find(commit)
        ?? throw new StorageException(StorageFailure.NotFound, $"Filesystem {id} has no commit {commit}");

#pragma warning disable CA1068 // the ids come last, there are one or many
    private Task Locked(CancellationToken ct, Func<Task> work, params FilesystemId[] ids) => Locked(
        ct,
        async () =>
        {
            await work();
            return default(Done);
        },
        ids);

    /// <summary>Runs on the thread pool, because system calls block; one operation per filesystem at a time.</summary>
    private Task<T> Locked<T>(CancellationToken ct, Func<Task<T>> work, params FilesystemId[] ids) => Task.Run(
        async () =>
        {
            using var held = await _pool.Locks.Take(ct, [.. ids.Select(i => i.Value)]);
            if (!_pool.Unfinished.IsEmpty)
            {
                foreach (var id in ids.Where(i => _pool.Unfinished.ContainsKey(i.Value)))
                {
                    new Recovery(_pool).MendUnfinished(id.Value, ct);
                }
            }

            return await work();
        },
        ct);
#pragma warning restore CA1068

    private Head? TryHead(FilesystemId id)
    {
        if (_pool.Heads.TryGet(id.Value) is { } cached)
        {
            return cached;
        }

        var stamp = _pool.Heads.Stamp(id.Value);
        var head = IsName(id.Value) ? _pool.Folder(id.Value).TryReadHead() : null;
        if (head is not null)
        {
            _pool.Heads.Offer(id.Value, head, stamp);
        }

        return head;
    }

    private Head Head(FilesystemId id) => TryHead(id) ?? throw Missing(id);

    private StoredFilesystem? Read(string id, bool mounted)
    {
        var folder = _pool.Folder(id);
        return folder.TryReadInfo() is not { } info
            ? null
            : new StoredFilesystem(
                new FilesystemId(id),
                info.CommitOrigin,
                info.Labels?.ToLabels(),
                mounted,
                [.. folder.ReadCommits().Select(c => c.ToStored())]);
    }

    private void RequirePresent(FilesystemId id)
    {
        if (!IsName(id.Value) || !PoolFiles.Exists(_pool.Folder(id.Value).Path))
        {
            throw Missing(id);
        }
    }

    private void RefuseTaken(FilesystemId id)
    {
        if (!IsName(id.Value))
        {
            throw new StorageException(StorageFailure.Unsupported, $"A filesystem cannot have the id {id}");
        }

        if (PoolFiles.Exists(_pool.Folder(id.Value).Path))
        {
            throw new StorageException(StorageFailure.AlreadyExists, $"Filesystem {id} exists already");
        }
    }

    private void Build(FilesystemId id, Action<Creating> build)
    {
        var creating = new Creating(_pool);
        try
        {
            build(creating);
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            creating.Abandon(id.Value);
            throw;
        }
    }

    private void Remove(string id)
    {
        if (!IsName(id))
        {
            return;
        }

        Views.UnmountAll(_pool, id);
        Mounting.Unlink(_pool.MountOf(id));
        _pool.Faults.Hit("directory.destroy.after-unmount");
        var grave = $"{_pool.Temporary}/destroyed-{id}";
        if (PoolFiles.Exists(_pool.Folder(id).Path))
        {
            PoolFiles.Remove(grave);
            PoolFiles.Rename(_pool.Folder(id).Path, grave);
            PoolFiles.SyncFolder(_pool.Filesystems);
        }

        // after the move: sizes are measured beside, and what read the head before it must not keep it
        _pool.Heads.Drop(id);
        _pool.Origins.TryRemove(id, out _);
        _pool.Faults.Hit("directory.destroy.after-move");
        PoolFiles.Remove(grave);
        PoolFiles.Remove(_pool.IntentOf(id));
        KeptContents.Forget(_pool, id);
    }
}
