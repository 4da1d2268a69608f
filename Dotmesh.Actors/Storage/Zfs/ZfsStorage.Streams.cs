using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Streams. Old pools lose the properties of snapshots on the way, and bring mountpoints with them when asked to keep
/// them; so plain send streams travel in a frame that carries the metadata (<see cref="ZfsFrame"/>).
/// </summary>
public sealed partial class ZfsStorage
{
    public async Task<long> PredictSize(StreamRange range, CancellationToken ct)
    {
        var counted = new CountingStream(Stream.Null);
        if (!_features.Kernel)
        {
            await Send(range, counted, ct);
            return counted.Bytes;
        }

        var (header, segments) = await Plan(range, ct);
        var total = await ZfsFrame.WriteHeader(header, counted, ct);
        foreach (var segment in segments)
        {
            var lines = (await _tool.Zfs(["send", "-nP", .. segment], ct)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            total += long.TryParse(lines[^1].Split('\t')[^1], out var bytes)
                ? bytes
                : throw new StorageException(StorageFailure.Unexpected, $"zfs send -nP printed '{lines[^1]}'.");
        }

        return total;
    }

    public async Task Send(StreamRange range, Stream output, CancellationToken ct)
    {
        var (header, segments) = await Plan(range, ct);
        await ZfsFrame.WriteHeader(header, output, ct);
        foreach (var segment in segments)
        {
            await SendRaw(segment, (piece, token) => ZfsFrame.WriteChunk(piece, output, token), ct);
            await ZfsFrame.WriteChunk(default, output, ct);
        }
    }

    public async Task Receive(StreamRange range, FilesystemLabels labels, Stream input, CancellationToken ct)
    {
        var incremental = range.From?.Filesystem == range.Filesystem;
        await RefuseMisfit(range, incremental, ct);
        var header = await ZfsFrame.ReadHeader(input, ct);
        if (header.To != range.To.Value || header.FromCommit != range.From?.Commit.Value)
        {
            throw new StorageException(StorageFailure.BadStream,
                $"The stream holds {header.FromCommit ?? "START"}..{header.To}, not {range.From?.Commit.Value ?? "START"}..{range.To}.");
        }

        var target = incremental ? _names.Dataset(range.Filesystem) : _names.ReceiveOf(range.Filesystem);
        try
        {
            if (incremental)
            {
                await Note(target, ZfsProperties.Receiving, range.From!.Commit.Value, ct);
                if (!_features.Kernel && _mounts.IsMounted(range.Filesystem))
                {
                    await Release(range.Filesystem, ct);
                }
            }

            for (var n = 0; n < header.Segments; n++)
            {
                await ReceiveSegment(target, input, ct);
            }

            _faults.Hit("zfs.receive.after-stream");
            await RestoreMetadata(target, header, ct);
            if (incremental)
            {
                await Forget(target, ZfsProperties.Receiving, true, ct);
            }
            else
            {
                await Adopt(range.Filesystem, target, labels, ct);
            }
        }
        catch (Exception why) when (why is StorageException or OperationCanceledException or IOException)
        {
            await Undo(why, () => UndoReceive(range, target, incremental, mount: !labels.Replica));
            throw;
        }

        if (!labels.Replica)
        {
            await _mounts.Mount(range.Filesystem, ct);
        }
    }

    /// <summary>A plain send stream, for the wire format of other servers.</summary>
    internal Task SendRaw(
        IReadOnlyList<string> range, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> output, CancellationToken ct) =>
        _tool.Stream(["send", .. range], null, output, ct);

    /// <summary>Full: the first commit, then the rest on top of it; on a base: all on top of it.</summary>
    private async Task<(ZfsStreamHeader Header, List<string[]> Segments)> Plan(StreamRange range, CancellationToken ct)
    {
        var dataset = await Require(range.Filesystem, ct);
        var to = dataset.Snapshots.FindIndex(s => s.Name == range.To.Value);
        var own = range.From is null || range.From.Filesystem != range.Filesystem;
        var from = own ? -1 : dataset.Snapshots.FindIndex(s => s.Name == range.From!.Commit.Value);
        if (to < 0 || (!own && (from < 0 || from >= to)))
        {
            throw new StorageException(StorageFailure.NotFound,
                $"{range.Filesystem} has no commits from {range.From?.Commit.Value ?? "START"} to {range.To}.");
        }

        if (range.From is { } origin && own && dataset.Origin != _names.Snapshot(origin.Filesystem, origin.Commit))
        {
            throw new StorageException(StorageFailure.NotFound,
                $"{range.Filesystem} was not branched from {origin.Filesystem}@{origin.Commit}.");
        }

        var last = _names.Snapshot(range.Filesystem, range.To);
        var first = $"{dataset.Name}@{dataset.Snapshots[0].Name}";
        List<string[]> segments = range.From is { } start
            ? [["-I", _names.Snapshot(start.Filesystem, start.Commit), last]]
            : to == 0 ? [[first]] : [[first], ["-I", first, last]];
        var commits = dataset.Snapshots.Skip(from + 1).Take(to - from).ToImmutableSortedDictionary(
            s => s.Name,
            s => s.Properties.ToImmutableSortedDictionary(StringComparer.Ordinal),
            StringComparer.Ordinal);
        return (new ZfsStreamHeader(
            range.To.Value, range.From?.Filesystem.Value, range.From?.Commit.Value, segments.Count, commits), segments);
    }

    private async Task RefuseMisfit(StreamRange range, bool incremental, CancellationToken ct)
    {
        var reading = Dataset(_names.Dataset(range.Filesystem), ct);
        var measuring = incremental ? Usage([range.Filesystem], ct) : null;
        await Task.WhenAll(reading, measuring ?? Task.CompletedTask);
        var there = await reading;
        if (measuring is null)
        {
            if (there is not null)
            {
                throw new StorageException(StorageFailure.AlreadyExists, $"{range.Filesystem} exists already.");
            }

            if (await Dataset(_names.ReceiveOf(range.Filesystem), ct) is { } left)
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
        await _mounts.Rename(_names.Dataset(id), _names.ReleaseOf(id), ct);
        _faults.Hit("zfs.receive.after-release");
        await _mounts.Rename(_names.ReleaseOf(id), _names.Dataset(id), CancellationToken.None);
    }

    private async Task ReceiveSegment(string target, Stream input, CancellationToken ct)
    {
        var segment = new ZfsSegmentStream(input);
        string[] options = _features.Kernel ? ["-u"] : [];
        try
        {
            await _tool.Stream(["receive", .. options, target], segment, null, ct);
            await segment.RequireEnd(ct);
        }
        catch (StorageException failure) when (failure.Failure is StorageFailure.Unexpected or StorageFailure.NotFound)
        {
            throw new StorageException(StorageFailure.BadStream, $"The stream was refused: {failure.Message}", failure);
        }
    }

    private async Task RestoreMetadata(string target, ZfsStreamHeader header, CancellationToken ct)
    {
        var received = (await Dataset(target, ct))!.Snapshots.ToDictionary(s => s.Name);
        if (!received.ContainsKey(header.To))
        {
            throw new StorageException(StorageFailure.BadStream, $"The stream does not hold commit {header.To}.");
        }

        foreach (var (commit, properties) in header.Commits)
        {
            if (!received.TryGetValue(commit, out var snapshot))
            {
                continue;
            }

            var missing = properties.Where(p => p.Key.StartsWith(ZfsProperties.Prefix, StringComparison.Ordinal)
                && snapshot.Properties.GetValueOrDefault(p.Key) != p.Value).Select(p => $"{p.Key}={p.Value}").ToList();
            await Set($"{target}@{commit}", missing, ct);
        }
    }

    private async Task Adopt(FilesystemId id, string temporary, FilesystemLabels labels, CancellationToken ct)
    {
        await Set(temporary, [.. ZfsProperties.Labels(labels).Select(p => $"{p.Key}={p.Value}")], ct);
        _faults.Hit("zfs.receive.before-rename");
        try
        {
            await _tool.Zfs(["rename", temporary, _names.Dataset(id)], ct);
        }
        catch (StorageException why) when (WasCut(why))
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
            await TakeBack(range.Filesystem, range.From!.Commit, CancellationToken.None);
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
    private async Task TakeBack(FilesystemId id, CommitId @base, CancellationToken ct)
    {
        var dataset = await Require(id, ct);
        if (dataset.Snapshots.Count > 0 && dataset.Snapshots[^1].Name != @base.Value)
        {
            await _mounts.UnmountCommits(id, ct);
            if (!_features.Kernel)
            {
                await _mounts.Unmount(id, ct);
            }

            await _tool.UnmountedZfs(["rollback", "-r", _names.Snapshot(id, @base)], ct);
        }

        await Forget(dataset.Name, ZfsProperties.Receiving, dataset.Local.ContainsKey(ZfsProperties.Receiving), ct);
    }
}
