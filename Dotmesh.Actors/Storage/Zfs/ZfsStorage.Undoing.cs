namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>What a receive that failed takes back.</summary>
public sealed partial class ZfsStorage
{
    /// <summary>From now until it is disposed of a receive for the filesystem is under way.</summary>
    private Ending Receiving(FilesystemId id)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _receiving[id] = ended;
        return new Ending(() =>
        {
            _receiving.TryRemove(KeyValuePair.Create(id, ended));
            ended.SetResult();
        });
    }

    private async Task UndoReceive(StreamRange range, string target, bool incremental, bool mount)
    {
        if (incremental)
        {
            await TakeBack(range.Filesystem, range.From!.Commit, null, CancellationToken.None);
            if (mount)
            {
                await _mounts.Mount(range.Filesystem, CancellationToken.None);
            }
        }
        else
        {
            await RemoveReceived(range.Filesystem, CancellationToken.None);
        }
    }

    /// <summary>
    /// All of a stream's commits or none. When none of them has come nothing is rolled back: what is in the filesystem then
    /// is what somebody wrote meanwhile.
    /// </summary>
    /// <param name="made">
    /// Of the commits after the base: whether some were made here, after a receive that is long over and could not be undone then. Those are
    /// not the stream's, and stay with all that is before them. Null: it has just failed.
    /// </param>
    /// <returns>Whether nothing of the stream is left.</returns>
    private async Task<bool> TakeBack(FilesystemId id, CommitId @base, Func<List<ZfsSnapshot>, bool>? made, CancellationToken ct)
    {
        var dataset = await Require(id, ct);
        if (_features.Kernel)
        {
            // first: it stands on commits that are taken back
            await Abort(dataset.Name, ct);
        }

        var later = dataset.Snapshots.Skip(dataset.Snapshots.FindIndex(s => s.Name == @base.Value) + 1).ToList();
        var ours = made?.Invoke(later) == true;
        if (later.Count > 0 && !ours)
        {
            await _mounts.UnmountCommits(id, ct);
            if (!_features.Kernel)
            {
                await _mounts.Unmount(id, ct);
            }

            await _tool.UnmountedZfs(["rollback", "-r", _names.Snapshot(id, @base)], ct);
        }

        await Forget(dataset.Name, ZfsProperties.Receiving, dataset.Local.ContainsKey(ZfsProperties.Receiving), ct);
        await Forget(dataset.Name, ZfsProperties.Kept, dataset.Local.ContainsKey(ZfsProperties.Kept), ct);
        return !ours;
    }

    /// <summary>
    /// Metadata is set here only when the last commit of a stream is there, or by whoever makes a commit: when it is not there, a commit with
    /// metadata of this pool was made here, and when it is, one that follows it was. That one itself may have been either: in doubt it stays.
    /// </summary>
    /// <param name="last">Null: not known.</param>
    private static bool MadeSince(List<ZfsSnapshot> commits, CommitId? last, DateTimeOffset begun)
    {
        var end = commits.FindIndex(snapshot => snapshot.Name == last?.Value);
        return commits.Skip(end + 1).Any(snapshot => snapshot.IsLabelledHere)
            || (end >= 0 && commits[end].IsLabelledHere && commits[end].Created >= begun.ToUnixTimeSeconds());
    }

    private sealed class Ending(Action ended) : IDisposable
    {
        public void Dispose() => ended();
    }
}
