using System.Globalization;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Streams: what is sent, and whether a received one fits.</summary>
public sealed partial class DirectoryStorage
{
    public Task<long> PredictSize(StreamRange range, CancellationToken ct) => Task.Run(() => Write(range, 0, null, ct), ct);

    public Task Send(StreamRange range, string? resume, Stream output, CancellationToken ct)
    {
        var kept = 0L;
        return resume is null || (long.TryParse(resume, NumberStyles.None, CultureInfo.InvariantCulture, out kept) && kept > 0)
            ? Task.Run(() => Write(range, kept, output, ct), ct)
            : Task.FromException(SectionReader.Bad($"it is to go on at {resume}, which is no place in one"));
    }

    public Task<string?> ResumePoint(StreamRange range, CancellationToken ct) => Task.Run(
        () => KeptContents.Count(_pool, range) is > 0 and var kept ? kept.ToString(CultureInfo.InvariantCulture) : null, ct);

    public Task Receive(StreamRange range, FilesystemLabels labels, Stream input, CancellationToken ct) => Locked(
        ct,
        async () =>
        {
            using var reader = new SectionReader(input);
            await reader.Start(ct);
            var stream = ReadHead(await reader.Expect(StreamSections.Head, ct));
            if (stream.To != range.To.Value || stream.From != range.From?.Commit.Value)
            {
                throw SectionReader.Bad(
                    $"it leads from {stream.From ?? "nothing"} to {stream.To}, not from {range.From?.Commit.Value ?? "nothing"} to {range.To}");
            }

            var kept = KeptContents.Open(_pool, range.Filesystem.Value, stream);
            using var receiving = new Receiving(reader, kept, ct);
            await (range.From is { } from && from.Filesystem == range.Filesystem
                ? Extend(range, stream, receiving, ct)
                : Make(range, stream, labels, receiving, ct));
            kept.Forget();
        },
        range.From is null ? [range.Filesystem] : [range.Filesystem, range.From.Filesystem]);

    public Task<long> PredictPlain(StreamRange range, CancellationToken ct) => Task.FromException<long>(NoPlainStreams());

    public Task SendPlain(StreamRange range, Stream output, CancellationToken ct) => Task.FromException(NoPlainStreams());

    public Task ReceivePlain(
        StreamRange range, FilesystemLabels labels, IReadOnlyDictionary<CommitId, CommitMetadata>? metadata, Stream input, CancellationToken ct) =>
        Task.FromException(NoPlainStreams());

    private static StorageException NoPlainStreams() => new(
        StorageFailure.Unsupported,
        "This node keeps its dots in a folder, and has no ZFS to write or read the streams of servers that know nothing else. Transfer to or"
        + " from a node with a ZFS pool (Storage:Driver zfs), or have the other cluster upgraded");

    private async Task<long> Write(StreamRange range, long kept, Stream? output, CancellationToken ct)
    {
        Head head;
        using (await _pool.Locks.Take(ct, range.Filesystem.Value))
        {
            head = Head(range.Filesystem);
        }

        var to = Require(range.Filesystem, head, range.To);
        var (manifest, guid, after) = StartOf(range, head);
        if (to.Sequence <= after)
        {
            throw new StorageException(StorageFailure.NotFound, $"Nothing of {range.Filesystem} leads to {range.To}");
        }

        var commits = head.Commits.Where(c => c.Sequence > after && c.Sequence <= to.Sequence).ToArray();
        using var writer = new SectionWriter(output);
        await new Sending(_pool.Folder(range.Filesystem.Value), writer, kept, ct).Send(
            manifest, new StreamHead(range.From?.Commit.Value, guid, range.To.Value, commits.Length), commits);
        return writer.Written;
    }

    private static (string? Manifest, ulong Guid, long After) StartOf(StreamRange range, Head head)
    {
        if (range.From is not { } from)
        {
            return (null, 0, 0);
        }

        if (from.Filesystem == range.Filesystem)
        {
            var start = Require(range.Filesystem, head, from.Commit);
            return (start.Manifest, start.Guid, start.Sequence);
        }

        return head.Info.Origin is { } origin && head.Info.CommitOrigin == from
            ? (head.Info.Base, origin.Guid, 0)
            : throw new StorageException(
                StorageFailure.NotFound, $"Filesystem {range.Filesystem} was not branched from {from.Filesystem}@{from.Commit}");
    }

    private async Task Extend(StreamRange range, StreamHead stream, Receiving receiving, CancellationToken ct)
    {
        var id = range.Filesystem;
        var head = Head(id);
        var start = head.Find(range.From!.Commit) ?? throw SectionReader.Bad($"it starts after {range.From.Commit}, which {id} does not have");
        if (start.Guid != stream.FromGuid)
        {
            throw SectionReader.Bad($"its commit {start.Id} is another one than that of this pool");
        }

        if (head.Commits[^1] != start)
        {
            throw new StorageException(
                StorageFailure.Modified, $"Filesystem {id} has commits after {start.Id}: stash them or roll back first");
        }

        if (Usages.Measure(_pool.Folder(id.Value), head, ct).DirtyBytes > 0)
        {
            throw new StorageException(
                StorageFailure.Modified, $"Filesystem {id} was written to since {start.Id}: commit, stash or roll back first");
        }

        var folder = _pool.Folder(id.Value);
        new Intent(Intent.Receive).Write(_pool.IntentOf(id.Value));
        try
        {
            _pool.Faults.Hit("directory.receive.after-begin");
            var received = await receiving.Read(folder, head, stream.Commits, range.To);
            using var reset = LiveReset.Prepare(folder, head.Tree, received.Tree, received.Checksum, ct);
            Ballast.Hold(folder.Scratch, Ballast.Small + (2 * head.LogLength)).Dispose();
            Keep(id.Value, folder, head, received, reset);
            PoolFiles.Remove(_pool.IntentOf(id.Value));
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            receiving.GiveUp(folder);
            GiveUp(id.Value, folder, head);
            throw;
        }
        finally
        {
            _pool.Heads.Drop(id.Value);
        }
    }

    /// <summary>The log first: a crash after it is mended forward, a failure is taken back.</summary>
    private void Keep(string id, FilesystemFolder folder, Head head, Received received, LiveReset reset)
    {
        CommitLog.Rewrite(folder.Log, received.Commits);
        try
        {
            _pool.Faults.Hit("directory.receive.after-commit");
            reset.Apply();
            _pool.Faults.Hit("directory.receive.after-restore");
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            _pool.LeaveUnfinished(id, Intent.Receive);
            CommitLog.Rewrite(folder.Log, head.Commits);
            throw;
        }
    }

    private void GiveUp(string id, FilesystemFolder folder, Head head)
    {
        if (!_pool.Unfinished.ContainsKey(id))
        {
            folder.DiscardUnreferenced(head.Info, head.Commits);
            PoolFiles.Remove(_pool.IntentOf(id));
        }
    }

    private async Task Make(
        StreamRange range, StreamHead stream, FilesystemLabels labels, Receiving receiving, CancellationToken ct)
    {
        var id = range.Filesystem;
        RefuseTaken(id);
        var creating = new Creating(_pool);
        try
        {
            var building = range.From is { } from
                ? creating.BeginBranch(from.Filesystem.Value, RequireOrigin(from, stream), id.Value, labels, ct)
                : creating.BeginEmpty(id.Value, labels);
            _pool.Faults.Hit("directory.receive.after-begin");
            var head = building.TryReadHead()!;
            var received = await receiving.Read(building, head, stream.Commits, range.To);
            CommitLog.Rewrite(building.Log, received.Commits);
            _pool.Faults.Hit("directory.receive.after-commit");
            using (var reset = LiveReset.Prepare(building, head.Tree, received.Tree, received.Checksum, ct))
            {
                reset.Apply();
            }

            _pool.Faults.Hit("directory.receive.after-restore");
            creating.Publish(id.Value, "receive", mounted: false);
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            receiving.GiveUp(creating.Building(id.Value));
            creating.Abandon(id.Value);
            throw;
        }
        finally
        {
            _pool.Heads.Drop(id.Value);
        }
    }

    private CommitRecord RequireOrigin(CommitOrigin from, StreamHead stream)
    {
        var start = Require(from.Filesystem, Head(from.Filesystem), from.Commit);
        return start.Guid == stream.FromGuid
            ? start
            : throw SectionReader.Bad($"its commit {start.Id} is another one than that of this pool");
    }

    private static StreamHead ReadHead(byte[] payload)
    {
        try
        {
            var from = new ByteReader(payload);
            return StreamHead.Read(ref from);
        }
        catch (InvalidDataException wrong)
        {
            throw SectionReader.Bad(wrong.Message);
        }
    }
}
