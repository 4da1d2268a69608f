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
        using var receiving = Receiving(range.Filesystem);
        await RefuseMisfit(range, ct);
        var watched = new BreakWatch(input, ct);
        var header = await ZfsFrame.ReadHeader(watched, ct);
        if (header.To != range.To.Value || header.FromCommit != range.From?.Commit.Value)
        {
            throw new StorageException(StorageFailure.BadStream,
                $"The stream holds {header.FromCommit ?? "START"}..{header.To}, not {range.From?.Commit.Value ?? "START"}..{range.To}.");
        }

        var heads = await TakesHeads(range, ct);

        // copies of a cluster repeat a package; of several commits that extend a filesystem nothing is kept
        var keeps = !labels.Replica && (!IsIncremental(range) || (_features.Kernel && header.Commits.Count == 1));
        string[] receive = _features.Kernel && keeps ? ["receive", "-s", "-u"] : ["receive", "-u"];
        var gone = await Follow(range, labels.OwnerId, header.Resume, ct);
        await Land(range, labels, [], gone, async target =>
        {
            for (var n = 0; n < header.Segments; n++)
            {
                var segment = new ZfsSegmentStream(watched);
                await ReceiveSegment([.. receive, target], await Labelled(segment, header.Commits, heads ? header.Guids : null, ct), ct);
            }

            return header.Commits;
        }, why => keeps && watched.Broke && why is not StorageException { Failure: not StorageFailure.BadStream }, ct);
        if (!labels.Replica)
        {
            await _mounts.Mount(range.Filesystem, ct);
        }
    }

    /// <summary>
    /// Receives, restores the metadata, and lets the result take its place; undoes all of it when a step fails.
    /// </summary>
    /// <param name="notes">Properties, <c>NAME=VALUE</c>, that the dataset gets, beside its labels, when it takes its place.</param>
    /// <param name="gone">Properties that a dataset which is extended loses then.</param>
    /// <param name="bring">Receives into the dataset it is given; answers the properties of commits by their ids.</param>
    /// <param name="brokeOff">Whether that failed because the stream ended too early, and what came of it may be gone on with.</param>
    private async Task Land(
        StreamRange range, FilesystemLabels labels, string[] notes, string[] gone, Func<string, Task<SentProperties>> bring,
        Func<Exception, bool> brokeOff, CancellationToken ct)
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
                await Set(target, [.. notes], ct, gone);
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
            await Undo(why, async () =>
            {
                if (!brokeOff(why) || !await TryKeep(range, labels.OwnerId))
                {
                    await UndoReceive(range, target, incremental, mount: !labels.Replica);
                }
            });
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

    /// <param name="command">Of <c>zfs</c>. Never mounted by the way: mounts take turns, and copies are not mounted.</param>
    private async Task ReceiveSegment(string[] command, Stream segment, CancellationToken ct)
    {
        try
        {
            await _tool.Stream(command, segment, null, ct);
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
}
