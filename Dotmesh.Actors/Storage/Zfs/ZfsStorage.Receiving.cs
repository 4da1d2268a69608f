using SentProperties = System.Collections.Generic.IReadOnlyDictionary<
    string, System.Collections.Immutable.ImmutableSortedDictionary<string, string>>;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// What is received. A new filesystem is made under a temporary name, one that is extended carries a note meanwhile: all of a stream's
/// commits come, or none.
/// </summary>
public sealed partial class ZfsStorage
{
    private const int SetsAtOnce = 4;

    public async Task Receive(StreamRange range, FilesystemLabels labels, Stream input, CancellationToken ct)
    {
        await RefuseMisfit(range, ct);
        var header = await ZfsFrame.ReadHeader(input, ct);
        if (header.To != range.To.Value || header.FromCommit != range.From?.Commit.Value)
        {
            throw new StorageException(StorageFailure.BadStream,
                $"The stream holds {header.FromCommit ?? "START"}..{header.To}, not {range.From?.Commit.Value ?? "START"}..{range.To}.");
        }

        var heads = await TakesHeads(range, ct);
        await Land(range, labels, [], async target =>
        {
            for (var n = 0; n < header.Segments; n++)
            {
                var segment = new ZfsSegmentStream(input);
                await ReceiveSegment(target, await Labelled(segment, header.Commits, heads ? header.Guids : null, ct), ct);
            }

            return header.Commits;
        }, ct);
        if (!labels.Replica)
        {
            await _mounts.Mount(range.Filesystem, ct);
        }
    }

    /// <summary>
    /// Receives, restores the metadata, and lets the result take its place; undoes all of it when a step fails.
    /// </summary>
    /// <param name="notes">Properties, <c>NAME=VALUE</c>, that the dataset gets, beside its labels, when it takes its place.</param>
    /// <param name="bring">Receives into the dataset it is given; answers the properties of commits by their ids.</param>
    private async Task Land(
        StreamRange range, FilesystemLabels labels, string[] notes, Func<string, Task<SentProperties>> bring, CancellationToken ct)
    {
        var incremental = IsIncremental(range);
        var target = incremental ? _names.Dataset(range.Filesystem) : _names.ReceiveOf(range.Filesystem);
        try
        {
            if (incremental)
            {
                await Note(target, ZfsProperties.Receiving, ZfsProperties.ReceivingNote(range.From!.Commit, range.To, _time.GetUtcNow()), ct);
                if (!_features.Kernel && _mounts.IsMounted(range.Filesystem))
                {
                    await Release(range.Filesystem, ct);
                }
            }

            var properties = await bring(target);
            _faults.Hit("zfs.receive.after-stream");
            await RestoreMetadata(range, target, properties, ct);
            if (incremental)
            {
                await Set(target, [.. notes], ct);
                await Forget(target, ZfsProperties.Receiving, true, ct);
            }
            else
            {
                await Adopt(range.Filesystem, target, labels, notes, ct);
            }
        }
        catch (Exception why)
        {
            // whatever it is: a source that is taken away fails in ways of its own
            await Undo(why, () => UndoReceive(range, target, incremental, mount: !labels.Replica));
            throw;
        }
    }

    private static bool IsIncremental(StreamRange range) => range.From?.Filesystem == range.Filesystem;

    private async Task RefuseMisfit(StreamRange range, CancellationToken ct)
    {
        var reading = Outline(_names.Dataset(range.Filesystem), ct);
        var measuring = IsIncremental(range) ? Usage([range.Filesystem], ct) : null;
        await Task.WhenAll(reading, measuring ?? Task.CompletedTask);
        var there = await reading;
        if (measuring is null)
        {
            if (there is not null)
            {
                throw new StorageException(StorageFailure.AlreadyExists, $"{range.Filesystem} exists already.");
            }

            if (await Outline(_names.ReceiveOf(range.Filesystem), ct) is { } left)
            {
                // of a receive that could not even be undone
                await _tool.UnmountedZfs(["destroy", "-r", left.Name], ct);
            }

            return;
        }

        if (there is null)
        {
            throw new StorageException(StorageFailure.NotFound, $"There is no filesystem {range.Filesystem}.");
        }

        if (there.Snapshots.Count == 0 || there.Snapshots[^1].Name != range.From!.Commit.Value)
        {
            throw new StorageException(StorageFailure.BadStream,
                $"The newest commit of {range.Filesystem} is not {range.From!.Commit}, which the stream builds on.");
        }

        if ((await measuring)[range.Filesystem].DirtyBytes > 0)
        {
            throw new StorageException(StorageFailure.Modified,
                $"{range.Filesystem} has been modified since commit {range.From.Commit}.");
        }
    }

    /// <summary>
    /// Unmounts and waits until zfs-fuse has let go of the mount. A receive that meets its last moments fails with an I/O
    /// error at the end of the stream, and a stream cannot be had twice; a rename is refused until they are over.
    /// </summary>
    private async Task Release(FilesystemId id, CancellationToken ct)
    {
        await _mounts.Unmount(id, ct);
        await _mounts.RenameAndBack(_names.Dataset(id), _names.ReleaseOf(id), () => _faults.Hit("zfs.receive.after-release"), ct);
    }

    /// <summary>
    /// Whether the receive itself may set properties of commits. A kernel module needs no such help: there a command takes several.
    /// </summary>
    private async Task<bool> TakesHeads(StreamRange range, CancellationToken ct) => !_features.Kernel
        && (!IsIncremental(range)
            || (await _tool.Zfs(["get", "-H", "-o", "source", PropertyHead.Mark, _names.Dataset(range.Filesystem)], ct)).Trim() == "received");

    /// <param name="guids">Null: without a head.</param>
    private static async Task<Stream> Labelled(
        Stream segment, SentProperties properties, IReadOnlyDictionary<string, ulong>? guids, CancellationToken ct) =>
        guids is null ? segment : await PropertyHead.Before(segment, properties, guids, ct);

    private async Task ReceiveSegment(string target, Stream segment, CancellationToken ct)
    {
        try
        {
            // never mounted by the way: mounts take turns, and copies are not mounted
            await _tool.Stream(["receive", "-u", target], segment, null, ct);
            await RequireEnd(segment, ct);
        }
        catch (StorageException failure)
            when (failure.Failure is StorageFailure.Unexpected or StorageFailure.NotFound or StorageFailure.AlreadyExists)
        {
            throw new StorageException(StorageFailure.BadStream, $"The stream was refused: {failure.Message}", failure);
        }

        _faults.Hit("zfs.receive.after-segment");
    }

    /// <summary>The receiver was content before the end: read what it left, which is nothing in a sound stream.</summary>
    private static async Task RequireEnd(Stream segment, CancellationToken ct)
    {
        var rest = new byte[4096];
        while (await segment.ReadAsync(rest, ct) > 0)
        {
            // discarded
        }
    }

    private async Task RestoreMetadata(StreamRange range, string target, SentProperties properties, CancellationToken ct)
    {
        var dataset = (await Outline(target, ct))!;
        var origin = range.From is { } from ? _names.Snapshot(from.Filesystem, from.Commit) : null;
        if (!IsIncremental(range) && dataset.Origin != origin)
        {
            throw new StorageException(StorageFailure.BadStream,
                $"The stream builds on {dataset.Origin ?? "nothing"}, not on {origin ?? "nothing"}.");
        }

        if (dataset.Snapshots.Count == 0 || dataset.Snapshots[^1].Name != range.To.Value)
        {
            throw new StorageException(StorageFailure.BadStream, $"The stream does not end at commit {range.To}.");
        }

        var received = dataset.Snapshots.Where(s => properties.ContainsKey(s.Name)).ToList();
        await ReadProperties(dataset, received, ct);
        // a process for each commit: there is no way to give several of them different properties at once
        var several = new ParallelOptions { MaxDegreeOfParallelism = SetsAtOnce, CancellationToken = ct };
        await Parallel.ForEachAsync(received, several, async (snapshot, token) =>
        {
            var missing = properties[snapshot.Name].Where(p => ZfsProperties.IsMetadata(p.Key, p.Value)
                && snapshot.Properties.GetValueOrDefault(p.Key) != p.Value).Select(p => $"{p.Key}={p.Value}").ToList();
            await Set($"{target}@{snapshot.Name}", missing, token);
        });
    }

    private async Task Adopt(FilesystemId id, string temporary, FilesystemLabels labels, string[] notes, CancellationToken ct)
    {
        await Set(temporary, [.. ZfsProperties.Labels(labels).Select(p => $"{p.Key}={p.Value}"), .. notes], ct);
        _faults.Hit("zfs.receive.before-rename");
        try
        {
            await _tool.Zfs(["rename", temporary, _names.Dataset(id)], ct);
        }
        catch (StorageException why) when (why.WasCut)
        {
            if (await Dataset(_names.Dataset(id), CancellationToken.None) is null)
            {
                throw;
            }
        }

        _faults.Hit("zfs.receive.after-rename");
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
        else if (await Dataset(target, CancellationToken.None) is not null)
        {
            await _tool.UnmountedZfs(["destroy", "-r", target], CancellationToken.None);
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
}
