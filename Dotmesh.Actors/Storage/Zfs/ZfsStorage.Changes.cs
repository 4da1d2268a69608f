using Dotmesh.Actors.Storage.Commands;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>Create, commit, branch, labels, destroy.</summary>
public sealed partial class ZfsStorage
{
    private const string Subdot = "__default__";

    public async Task Create(FilesystemId id, FilesystemLabels labels, CancellationToken ct)
    {
        _faults.Hit("zfs.create.before");
        await Make(["create"], [_names.Dataset(id)], id, ZfsProperties.Labels(labels), ct);
        _faults.Hit("zfs.create.after-create");
        try
        {
            var path = await _mounts.Mount(id, ct);
            await _tool.WithRoom(() => MakeSubdot(path), ct);
        }
        catch (Exception why) when (why is StorageException or OperationCanceledException)
        {
            // nothing or all of it
            await Undo(why, () => _tool.Zfs(["destroy", "-r", _names.Dataset(id)], CancellationToken.None));
            throw;
        }

        _faults.Hit("zfs.create.after-subdot");
    }

    public async Task<StoredCommit> Commit(FilesystemId id, CommitId commit, CommitMetadata metadata, CancellationToken ct)
    {
        var (properties, inFile) = ZfsProperties.Split(metadata);
        if (inFile.Count > 0 || !_features.Kernel)
        {
            var path = await Mount(id, ct);
            if (!_features.Kernel)
            {
                // so that no two commits share all their blocks: dirty bytes are told by what only the newest one holds
                await _tool.WithRoom(() => Touch(path), ct);
            }

            if (inFile.Count > 0)
            {
                await RefuseTaken(id, commit, ct);
                await _tool.WithRoom(() => MetadataFiles.Write(path, commit, inFile), ct);
            }
        }

        _faults.Hit("zfs.commit.before-snapshot");
        var (snapshot, began) = (_names.Snapshot(id, commit), _time.GetUtcNow());
        try
        {
            await _tool.Zfs(["snapshot", .. Options(properties), snapshot], ct);
        }
        catch (StorageException why)
        {
            if (!why.WasCut || !await IsMadeSince(snapshot, began, why))
            {
                if (inFile.Count > 0)
                {
                    MetadataFiles.Remove(_names.PathOf(id), commit);
                }

                throw;
            }
        }

        _faults.Hit("zfs.commit.after-snapshot");
        return new StoredCommit(commit, 0, _time.GetUtcNow(), metadata);
    }

    public async Task Branch(FilesystemId source, CommitId at, FilesystemId id, FilesystemLabels labels, CancellationToken ct)
    {
        _faults.Hit("zfs.branch.before");
        await Make(["clone"], [_names.Snapshot(source, at), _names.Dataset(id)], id, ZfsProperties.Labels(labels), ct);
        _faults.Hit("zfs.branch.after-clone");
        try
        {
            await _mounts.Mount(id, ct);
        }
        catch (Exception why) when (why is StorageException or OperationCanceledException)
        {
            await Undo(why, () => _tool.Zfs(["destroy", _names.Dataset(id)], CancellationToken.None));
            throw;
        }
    }

    public async Task SetLabels(FilesystemId id, FilesystemLabels labels, CancellationToken ct)
    {
        var before = (await Require(id, ct)).Local;
        var after = ZfsProperties.Labels(labels);
        var name = _names.Dataset(id);
        var changed = after.Where(p => before.GetValueOrDefault(p.Key) != p.Value).Select(p => $"{p.Key}={p.Value}").ToList();
        await Set(name, changed, ct, [.. before.Keys.Where(p => ZfsProperties.IsLabel(p) && !after.ContainsKey(p))]);
    }

    /// <summary>
    /// User properties of a dataset or snapshot; when it fails some may be set. zfs-fuse sets one by a command: they run beside each other,
    /// because each waits for the pool's next transaction and one does for all.
    /// </summary>
    /// <param name="gone">Names of those to take away.</param>
    private Task Set(string name, List<string> assignments, CancellationToken ct, params string[] gone)
    {
        // a command takes several where the pool has a kernel module
        var sets = _features.Kernel && assignments.Count > 0 ? [assignments.ToArray()] : assignments.Chunk(1);
        return Task.WhenAll(
        [
            .. sets.Select(some => _tool.Zfs(["set", .. some, name], ct)),
            .. gone.Select(property => _tool.Zfs(["inherit", property, name], ct)),
        ]);
    }

    public async Task Destroy(FilesystemId id, CancellationToken ct)
    {
        await DropKept(id, ct);
        var name = _names.Dataset(id);
        if (await Dataset(name, ct) is not null)
        {
            await MountedAgainOnFailure(id, async () =>
            {
                await _mounts.UnmountCommits(id, ct);
                await _mounts.Unmount(id, ct);
                _faults.Hit("zfs.destroy.after-unmount");
                await Doom(id, ct);
            });
            _faults.Hit("zfs.destroy.after-rename");
        }

        await FinishDestroy(id, _names.DestroyOf(id), ct);
        await _tool.FreedSpace(_names.Parent, ct);
        _mounts.RemovePath(id);
    }

    /// <summary>From here on it is gone for everybody; what is left of it Recover takes away.</summary>
    private async Task Doom(FilesystemId id, CancellationToken ct)
    {
        try
        {
            await _mounts.Rename(_names.Dataset(id), _names.DestroyOf(id), ct);
        }
        catch (StorageException full) when (full.Failure == StorageFailure.PoolFull)
        {
            // a full pool may refuse even a new name, but it is removals that make space in it
            await FinishDestroy(id, _names.Dataset(id), ct);
        }
    }

    private async Task FinishDestroy(FilesystemId id, string doomed, CancellationToken ct)
    {
        if (await TryDestroy(doomed, ct) is not var (failure, said))
        {
            return;
        }

        if (failure.Failure != StorageFailure.HasDependents)
        {
            throw failure;
        }

        if (doomed != _names.Dataset(id))
        {
            await _mounts.Rename(doomed, _names.Dataset(id), ct);
        }

        await _mounts.Mount(id, ct);
        var dependents = said.Split('\n').Select(l => _names.FilesystemOf(l.Trim())).OfType<FilesystemId>();
        throw new StorageException(StorageFailure.HasDependents,
            $"{id} cannot be destroyed: branches were made from it: {string.Join(", ", dependents)}.", failure);
    }

    /// <summary>A dataset with its snapshots; null when it is gone, or was before. Else why not, and what the tool said.</summary>
    private async Task<(StorageException Failure, string Said)?> TryDestroy(string dataset, CancellationToken ct)
    {
        string[] destroy = ["destroy", "-r", dataset];
        var result = await _tool.TryUnmountedZfs(destroy, ct);
        if (result.ExitCode == 0)
        {
            return null;
        }

        var failure = await _tool.Failure(destroy, result, ct);
        return failure.Failure == StorageFailure.NotFound ? null : (failure, result.Stderr);
    }

    /// <summary>Creates or clones with labels and mounts where one command does; a failed mount leaves nothing.</summary>
    private async Task Make(
        string[] verb, string[] what, FilesystemId id, IEnumerable<KeyValuePair<string, string>> properties, CancellationToken ct)
    {
        string[] arguments = [.. verb, .. _mounts.CreateOptions(id), .. Options(properties), .. what];
        var began = _time.GetUtcNow();
        CommandResult result;
        try
        {
            result = await _tool.TryZfs(arguments, ct);
        }
        catch (StorageException why) when (why.WasCut)
        {
            if (await IsMadeSince(_names.Dataset(id), began, why))
            {
                return;
            }

            throw;
        }

        if (result.ExitCode != 0)
        {
            var failure = await _tool.Failure(arguments, result, ct);
            // made, but not mounted
            if (failure.Failure == StorageFailure.Unexpected && result.Stderr.Contains("cannot mount", StringComparison.Ordinal))
            {
                await _tool.TryZfs(["destroy", _names.Dataset(id)], CancellationToken.None);
            }

            throw failure;
        }
    }

    private static IEnumerable<string> Options(IEnumerable<KeyValuePair<string, string>> properties) =>
        properties.SelectMany(p => new[] { "-o", $"{p.Key}={p.Value}" });

    private async Task RefuseTaken(FilesystemId id, CommitId commit, CancellationToken ct)
    {
        var snapshot = _names.Snapshot(id, commit);
        if ((await _tool.TryZfs(["get", "-Hp", "-o", "value", "guid", snapshot], ct)).ExitCode == 0)
        {
            throw new StorageException(StorageFailure.AlreadyExists, $"{snapshot} already exists.");
        }
    }

    private static void MakeSubdot(string root)
    {
        try
        {
            var subdot = Path.Combine(root, Subdot);
            System.IO.Directory.CreateDirectory(subdot);
            StorageErrors.AllowAll(subdot);
        }
        catch (IOException failure)
        {
            throw StorageErrors.From(failure, $"{Subdot} could not be made in {root}");
        }
    }

    private void Touch(string root)
    {
        try
        {
            System.IO.Directory.SetLastAccessTimeUtc(root, _time.GetUtcNow().UtcDateTime);
        }
        catch (IOException failure)
        {
            throw StorageErrors.From(failure, $"{root} could not be written to");
        }
    }
}
