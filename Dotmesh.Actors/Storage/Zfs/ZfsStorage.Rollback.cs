using System.Text.Json;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Rollback and stash. Both end with the filesystem at a commit; the difference is what becomes of the rest.
/// <c>promote</c> moves a clone's origin and all earlier snapshots to the clone, with ids and GUIDs kept.
/// </summary>
public sealed partial class ZfsStorage
{
    public async Task Rollback(FilesystemId id, CommitId to, CancellationToken ct)
    {
        await DropKept(id, ct);
        var name = _names.Dataset(id);
        if (await Dataset(_names.RollbackOf(id), ct) is not null)
        {
            await FinishRollback(id, to, ct);
            return;
        }

        var dataset = await Require(id, ct);
        await DiscardNoted(dataset, ct);
        var index = dataset.Snapshots.FindIndex(s => s.Name == to.Value);
        if (index < 0)
        {
            throw new StorageException(StorageFailure.NotFound, $"{id} has no commit {to}.");
        }

        var later = dataset.Snapshots.Skip(index + 1).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        try
        {
            if (await RollbackInPlace(dataset, id, to, later, ct))
            {
                return;
            }
        }
        catch (StorageException refused)
        {
            await Restore(id, later, refused);
            throw;
        }

        _faults.Hit("zfs.rollback.after-rename");
        await FinishRollback(id, to, ct);
    }

    /// <summary>False: other filesystems stand on later commits, and it was renamed to be replaced.</summary>
    private async Task<bool> RollbackInPlace(
        ZfsDataset dataset, FilesystemId id, CommitId to, HashSet<string> later, CancellationToken ct)
    {
        await _mounts.UnmountCommits(id, ct);
        if (!_features.Kernel)
        {
            // the kernel caches what zfs-fuse told it about files for an hour
            await _mounts.Unmount(id, ct);
        }

        if (later.Count > 0)
        {
            await Note(dataset.Name, ZfsProperties.RollingBack, ZfsProperties.RollbackNote(later.Count, to, _time.GetUtcNow()), ct);
            _faults.Hit("zfs.rollback.after-note");
        }

        string[] rollback = ["rollback", "-r", _names.Snapshot(id, to)];
        var result = await _tool.TryUnmountedZfs(rollback, ct);
        if (result.ExitCode == 0)
        {
            _faults.Hit("zfs.rollback.after-rollback");
            // an earlier try that was cut may have left its note, and taken the commits away that it was about
            await Forget(dataset.Name, ZfsProperties.RollingBack,
                later.Count > 0 || dataset.Local.ContainsKey(ZfsProperties.RollingBack), ct);
            await _tool.FreedSpace(_names.Parent, ct);
            await _mounts.Mount(id, ct);
            return true;
        }

        var failure = await _tool.Failure(rollback, result, ct);
        if (failure.Failure != StorageFailure.HasDependents)
        {
            throw failure;
        }

        await RefuseConflicts(dataset, later, failure, ct);
        await _mounts.Unmount(id, ct);
        await _mounts.Rename(dataset.Name, _names.RollbackOf(id), ct);
        return false;
    }

    /// <summary>
    /// A rollback did not take place. One that has already taken commits away stays noted, to be finished by a repetition
    /// or by the next start. When even this fails the caller hears of both.
    /// </summary>
    private async Task Restore(FilesystemId id, HashSet<string> later, StorageException refused)
    {
        try
        {
            var dataset = await Require(id, CancellationToken.None);
            var untouched = later.IsSubsetOf(dataset.Snapshots.Select(s => s.Name));
            await Forget(dataset.Name, ZfsProperties.RollingBack,
                untouched && dataset.Local.ContainsKey(ZfsProperties.RollingBack), CancellationToken.None);
            await _mounts.Mount(id, CancellationToken.None);
        }
        catch (StorageException second)
        {
            throw new StorageException(refused.Failure, $"{refused.Message} Then: {second.Message}", refused);
        }
    }

    public async Task Stash(
        FilesystemId id, CommitId at, FilesystemId stash, FilesystemLabels stashLabels, CancellationToken ct)
    {
        await DropKept(id, ct);
        var (name, stashName) = (_names.Dataset(id), _names.Dataset(stash));
        var stashed = await Dataset(stashName, ct);
        if (stashed is null)
        {
            var dataset = await Require(id, ct);
            await DiscardNoted(dataset, ct);
            if (dataset.Snapshots.All(s => s.Name != at.Value))
            {
                throw new StorageException(StorageFailure.NotFound, $"{id} has no commit {at}.");
            }

            await MountedAgainOnFailure(id, async () =>
            {
                await _mounts.UnmountCommits(id, ct);
                await _mounts.Unmount(id, ct);
                await Note(name, ZfsProperties.Stashing, ZfsProperties.Encode(JsonSerializer.Serialize(
                    Intent(id, at, stash, stashLabels), ZfsJson.Default.StashIntent)), ct);
                _faults.Hit("zfs.stash.after-note");
                await _mounts.Rename(name, stashName, ct);
            });
            _faults.Hit("zfs.stash.after-rename");
            stashed = await Require(stash, ct);
        }
        else if (!stashed.Local.ContainsKey(ZfsProperties.Stashing))
        {
            if (stashed.Origin == _names.Snapshot(id, at))
            {
                return;
            }

            throw new StorageException(StorageFailure.AlreadyExists, $"{stash} exists and is not a stash of {id} at {at}.");
        }

        await Replace(id, at, stashed, "zfs.stash", ct);
        await SetLabels(stash, stashLabels, ct);
        await Forget(stashName, ZfsProperties.Stashing, true, ct);
        _faults.Hit("zfs.stash.after-labels");
        await _mounts.Mount(stash, ct);
        await _mounts.Mount(id, ct);
    }

    /// <summary>
    /// A dataset was renamed away; puts a filesystem at one of its commits in its place, with the commits up to it.
    /// </summary>
    private async Task Replace(FilesystemId id, CommitId at, ZfsDataset renamed, string operation, CancellationToken ct)
    {
        var origin = $"{renamed.Name}@{at}";
        var replacement = await Dataset(_names.Dataset(id), ct);
        if (replacement is null)
        {
            await Make(["clone"], [origin, _names.Dataset(id)], id, renamed.Local.Where(p => ZfsProperties.IsLabel(p.Key)), ct);
            _faults.Hit($"{operation}.after-clone");
            replacement = await Require(id, ct);
        }

        if (replacement.Origin == origin)
        {
            await _tool.Zfs(["promote", replacement.Name], ct);
            _faults.Hit($"{operation}.after-promote");
        }
    }

    /// <summary>From the renamed dataset on: replacement, promotion of what was branched from later commits, removal.</summary>
    private async Task FinishRollback(FilesystemId id, CommitId to, CancellationToken ct)
    {
        var old = _names.RollbackOf(id);
        await Replace(id, to, (await Dataset(old, ct))!, "zfs.rollback", ct);
        var all = await Inventory(ct);
        if (LatestDependent(all, old) is { } dependent)
        {
            await _tool.Zfs(["promote", dependent.Name], ct);
            _faults.Hit("zfs.rollback.after-promote-dependent");
        }

        await _tool.UnmountedZfs(["destroy", "-r", old], ct);
        await _tool.FreedSpace(_names.Parent, ct);
        await _mounts.Mount(id, ct);
    }

    /// <summary>
    /// The clone of the latest cloned snapshot: promoting it takes over every snapshot that another clone stands on.
    /// </summary>
    private static ZfsDataset? LatestDependent(ZfsInventory all, string name)
    {
        var order = all[name]!.Snapshots.Select((s, n) => (Name: $"{name}@{s.Name}", n)).ToDictionary(s => s.Name, s => s.n);
        return all.Datasets.Values.Where(d => d.Origin is not null && order.ContainsKey(d.Origin))
            .OrderByDescending(d => order[d.Origin!]).ThenBy(d => d.Name, StringComparer.Ordinal).FirstOrDefault();
    }

    /// <summary>A promoted branch takes commits over; one that has another commit of the same id cannot.</summary>
    private async Task RefuseConflicts(ZfsDataset dataset, HashSet<string> later, StorageException why, CancellationToken ct)
    {
        var all = await Inventory(ct);
        if (LatestDependent(all, dataset.Name) is { } heir && heir.Snapshots.Any(s => later.Contains(s.Name)))
        {
            throw new StorageException(StorageFailure.HasDependents,
                $"Branch {_names.FilesystemOf(heir.Name)} was made from a later commit and has a commit of the same id as one of them. Delete it or roll it back first.", why);
        }
    }

    private Task Note(string dataset, string property, string value, CancellationToken ct) =>
        _tool.Zfs(["set", $"{property}={value}", dataset], ct);

    private Task Forget(string dataset, string property, bool noted, CancellationToken ct) =>
        noted ? _tool.Zfs(["inherit", property, dataset], ct) : Task.CompletedTask;

    private static StashIntent Intent(FilesystemId id, CommitId at, FilesystemId stash, FilesystemLabels labels) => new(
        id.Value, at.Value, stash.Value, labels.Dot.Value, labels.Name.Namespace, labels.Name.Name, labels.Branch,
        labels.OwnerId, labels.OwnerName);
}
