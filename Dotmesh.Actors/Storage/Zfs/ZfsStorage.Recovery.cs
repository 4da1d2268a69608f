using System.Text.Json;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>What a crash left half done, found by temporary names and by notes on the datasets.</summary>
public sealed partial class ZfsStorage
{
    public async Task<IReadOnlyList<string>> Recover(CancellationToken ct)
    {
        var done = new List<string>();
        var all = await Inventory(ct);
        foreach (var dataset in all.Datasets.Values.Where(d => _names.Local(d.Name)?.Contains(':') == true))
        {
            await RecoverTemporary(dataset, done, ct);
        }

        foreach (var dataset in all.Datasets.Values)
        {
            if (_names.FilesystemOf(dataset.Name) is { } id)
            {
                await RecoverNoted(id, dataset, done, ct);
            }
        }

        await RecoverCreations(ct);
        return done;
    }

    private async Task RecoverTemporary(ZfsDataset dataset, List<string> done, CancellationToken ct)
    {
        var local = _names.Local(dataset.Name)!;
        var id = new FilesystemId(local[..local.IndexOf(':')]);
        if (dataset.Name == _names.RollbackOf(id))
        {
            var (_, to, _) = ZfsProperties.RollbackNote(dataset.Local)
                ?? throw new StorageException(StorageFailure.Unexpected, $"{dataset.Name} does not say where it was rolled back to.");
            await FinishRollback(id, to, ct);
            done.Add($"Finished the rollback of {id} to {to}");
        }
        else if (dataset.Name == _names.DestroyOf(id))
        {
            await FinishDestroy(id, dataset.Name, ct);
            done.Add($"Finished the removal of {id}");
        }
        else if (dataset.Name == _names.ReleaseOf(id))
        {
            await _mounts.Rename(dataset.Name, _names.Dataset(id), ct);
            done.Add($"Gave {id} its name back");
        }
        else if (dataset.Name == _names.ReceiveOf(id))
        {
            await _tool.Zfs(["destroy", "-r", dataset.Name], ct);
            done.Add($"Removed what had been received of {id}");
        }
    }

    private async Task RecoverNoted(FilesystemId id, ZfsDataset dataset, List<string> done, CancellationToken ct)
    {
        if (dataset.Local.TryGetValue(ZfsProperties.Receiving, out var received))
        {
            var (after, last, begun) = ZfsProperties.ReceivingNote(received);
            done.Add(await TakeBack(id, after, commits => MadeSince(commits, last, begun), CancellationToken.None)
                ? $"Removed what had been received of {id} after {after}"
                : $"Kept what had been received of {id} after {after}: commits were made on it since");
        }

        if (dataset.Local.ContainsKey(ZfsProperties.Kept))
        {
            await DiscardNoted(dataset, ct);
            done.Add($"Removed what had been kept of a stream for {id}");
        }

        if (dataset.Local.ContainsKey(ZfsProperties.Unread))
        {
            await ReadFiles(id, ct);
            done.Add($"Read the metadata of {id} that had come in files");
        }

        if (ZfsProperties.RollbackNote(dataset.Local) is var (later, to, at))
        {
            // nothing gone yet: nobody was answered, and what could not be forgotten of a refused one must not come true;
            // nor may one that failed half way take commits with it that were made after it was given up
            var index = dataset.Snapshots.FindIndex(s => s.Name == to.Value);
            var begun = dataset.Snapshots.Count - 1 - index != later
                && dataset.Snapshots.Skip(index + 1).All(s => s.Created <= at.ToUnixTimeSeconds());
            if (begun)
            {
                await Rollback(id, to, ct);
            }

            await Forget(dataset.Name, ZfsProperties.RollingBack, true, ct);
            done.Add($"{(begun ? "Finished" : "Forgot")} the rollback of {id} to {to}");
        }

        if (dataset.Local.TryGetValue(ZfsProperties.Stashing, out var noted) && ZfsProperties.Decode(noted) is { } json
            && JsonSerializer.Deserialize(json, ZfsJson.Default.StashIntent) is { } intent)
        {
            if (id.Value == intent.Filesystem)
            {
                // not even renamed: as with a rollback of which nothing was done yet
                await Forget(dataset.Name, ZfsProperties.Stashing, true, ct);
                done.Add($"Forgot the stash of {id}");
                return;
            }

            await Stash(new(intent.Filesystem), new(intent.Commit), new(intent.Stash), intent.Labels, ct);
            done.Add($"Finished the stash of {intent.Filesystem} as {intent.Stash}");
        }
    }

    /// <summary>A creation that got no further than the dataset. All else is mounted when it is asked for.</summary>
    private async Task RecoverCreations(CancellationToken ct)
    {
        foreach (var dataset in (await Inventory(ct)).Datasets.Values)
        {
            if (_names.FilesystemOf(dataset.Name) is { } id
                && dataset is { Origin: null, Snapshots.Count: 0 } && ZfsProperties.Labels(dataset.Local) is not null)
            {
                var path = await _mounts.Mount(id, ct);
                await _tool.WithRoom(() => MakeSubdot(path), ct);
            }
        }
    }
}
