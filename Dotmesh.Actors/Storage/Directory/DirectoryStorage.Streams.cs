namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Streams: what is sent, and whether a received one fits.</summary>
public sealed partial class DirectoryStorage
{
    public Task<long> PredictSize(StreamRange range, CancellationToken ct) => Task.Run(() => Write(range, null, ct), ct);

    public Task Send(StreamRange range, Stream output, CancellationToken ct) =>
        Task.Run(() => Write(range, output, ct), ct);

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

            var receiving = new Receiving(_pool, reader, ct);
            await (range.From is { } from && from.Filesystem == range.Filesystem
                ? Extend(range, stream, receiving, ct)
                : Make(range, stream, labels, receiving, ct));
        },
        range.From is null ? [range.Filesystem] : [range.Filesystem, range.From.Filesystem]);

    private async Task<long> Write(StreamRange range, Stream? output, CancellationToken ct)
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
        await new Sending(_pool.Folder(range.Filesystem.Value), writer, ct).Send(
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
        var start = Require(id, head, range.From!.Commit);
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

        new Intent(Intent.Receive).Write(_pool.IntentOf(id.Value));
        try
        {
            _pool.Faults.Hit("directory.receive.after-begin");
            await receiving.Receive(id.Value, _pool.Folder(id.Value), head, stream.Commits, range.To, publish: null);
            PoolFiles.Remove(_pool.IntentOf(id.Value));
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            PoolFiles.Remove(_pool.IntentOf(id.Value));
            throw;
        }
        finally
        {
            _pool.Heads.Drop(id.Value);
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
            await receiving.Receive(
                id.Value,
                building,
                building.TryReadHead()!,
                stream.Commits,
                range.To,
                () => creating.Publish(id.Value, "receive", mounted: false));
            PoolFiles.Remove(_pool.IntentOf(id.Value));
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            creating.Abandon(id.Value);
            PoolFiles.Remove(_pool.IntentOf(id.Value));
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
