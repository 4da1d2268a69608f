using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <param name="Commits">Those that were there and those that came.</param>
/// <param name="Tree">Of the newest.</param>
/// <param name="Checksum">Of its manifest.</param>
internal sealed record Received(ImmutableArray<CommitRecord> Commits, TreeNode Tree, uint Checksum);

/// <summary>
/// Reads a stream into objects and manifests that are nobody's yet. Only when its end has come, with every checksum right,
/// does the caller make the commits exist, all of them at once.
/// </summary>
/// <param name="kept">Of an earlier stream for the same range.</param>
internal sealed class Receiving(SectionReader input, KeptContents kept, CancellationToken ct) : IDisposable
{
    private readonly byte[] _buffer = new byte[StreamSections.DataSize];
    private readonly ContentHash _hash = new();
    private readonly List<KeptContents.Content> _contents = [];

    public void Dispose() => _hash.Dispose();

    /// <summary>When it failed: what came whole of a stream that broke off is kept for the next one, what came of a bad one is not.</summary>
    /// <param name="folder">Where the filesystem is, or where it was being built.</param>
    internal void GiveUp(FilesystemFolder folder)
    {
        if (input.Broke)
        {
            kept.Keep(folder, _contents);
        }
        else
        {
            kept.Forget();
        }
    }

    /// <param name="folder">Where the filesystem is, or where it is being built.</param>
    /// <param name="head">Its newest state, which the stream starts after.</param>
    /// <param name="count">How many commits the stream announces.</param>
    /// <param name="to">The newest of them.</param>
    internal async Task<Received> Read(FilesystemFolder folder, Head head, int count, CommitId to)
    {
        var received = new Received(head.Commits, head.Tree, head.Checksum);
        for (var n = 0; n < count; n++)
        {
            received = await ReadCommit(folder, received, NextObject(head.Info, received.Commits));
        }

        if (await input.Expect(StreamSections.End, ct) is { Length: > 0 }
            || received.Commits.IsEmpty || received.Commits[^1].Id != to.Value)
        {
            throw SectionReader.Bad($"it does not end at {to}");
        }

        // one flush for all that came
        using var objects = new ObjectStore(folder.Objects, 1);
        objects.SyncFilesystem();
        return received;
    }

    private async Task<Received> ReadCommit(FilesystemFolder folder, Received before, ulong nextObject)
    {
        var commits = before.Commits;
        var sent = ReadRecord(await input.Expect(StreamSections.Commit, ct));
        if (commits.Any(c => c.Id == sent.Id))
        {
            throw SectionReader.Bad($"it holds the commit {sent.Id}, which is here already");
        }

        var contents = new List<TreeNode>();
        var tree = ApplyEntries(before.Tree, await input.Expect(StreamSections.Entries, ct), contents, out var sharing);
        using var objects = new ObjectStore(folder.Objects, nextObject);
        foreach (var file in contents)
        {
            file.ObjectId = await ReceiveContent(folder, objects, file.Size);
        }

        sharing.ForEach(pair => pair.Node.ObjectId = pair.With.Size == pair.Node.Size
            ? pair.With.ObjectId
            : throw SectionReader.Bad("two names of one content differ in size"));
        await input.CheckSeal(ct);
        var sequence = commits.IsEmpty ? 1 : commits[^1].Sequence + 1;
        var manifest = sequence.ToString(CultureInfo.InvariantCulture);
        var checksum = folder.Manifests.WriteFull(manifest, tree, durable: false).Checksum;
        // counted here: what a stream says of itself need not be true
        var record = sent with { Sequence = sequence, Manifest = manifest, TotalBytes = Trees.TotalBytes(tree), NextObject = objects.Next };
        return new Received(commits.Add(record), tree, checksum);
    }

    private async Task<ulong> ReceiveContent(FilesystemFolder folder, ObjectStore objects, long size)
    {
        var (kind, length) = await input.Next(ct);
        if (kind == StreamSections.Kept)
        {
            var hash = length == ContentHash.Size ? await input.ReadPayload(ContentHash.Size, ct) : throw Disordered();
            var taken = kept.Take(_contents.Count, size, hash, folder, objects);
            _contents.Add(new KeptContents.Content(taken, size, Convert.ToHexString(hash)));
            return taken;
        }

        using var file = objects.Make(out var id);
        for (long end = 0; ; (kind, length) = await input.Next(ct))
        {
            if (kind != StreamSections.Data || length > StreamSections.DataSize + sizeof(long) || length is > 0 and <= sizeof(long))
            {
                throw Disordered();
            }

            if (length == 0)
            {
                file.Truncate(size, $"object {id}");
                _contents.Add(new KeptContents.Content(id, size, Convert.ToHexString(_hash.End())));
                return id;
            }

            end = await ReceivePart(file, id, (int)length - sizeof(long), end, size);
        }
    }

    /// <summary>Answers where it ends.</summary>
    private async Task<long> ReceivePart(Handle file, ulong id, int length, long end, long size)
    {
        var offset = new byte[sizeof(long)];
        await input.Fill(offset, ct);
        var at = BinaryPrimitives.ReadInt64LittleEndian(offset);
        var part = _buffer.AsMemory(0, length);
        await input.Fill(part, ct);
        if (at < end || at > size - part.Length)
        {
            throw SectionReader.Bad("a content does not fit its file");
        }

        _hash.Add(at, part.Span);
        file.Seek(at, Linux.SeekSet);
        file.Write(part.Span, $"object {id}");
        return at + part.Length;
    }

    private static StorageException Disordered() => SectionReader.Bad("its sections are not in order");

    private static CommitRecord ReadRecord(byte[] payload)
    {
        try
        {
            var from = new ByteReader(payload);
            var record = CommitLog.ReadPayload(ref from);
            return DirectoryStorage.IsName(record.Id) ? record : throw new InvalidDataException("a commit id is not possible");
        }
        catch (InvalidDataException wrong)
        {
            throw SectionReader.Bad(wrong.Message);
        }
    }

    private static TreeNode ApplyEntries(
        TreeNode before, byte[] entries, List<TreeNode> contents, out List<(TreeNode Node, TreeNode With)> sharing)
    {
        sharing = [];
        try
        {
            return TreeDelta.Apply(before, entries, contents, sharing);
        }
        catch (InvalidDataException wrong)
        {
            throw SectionReader.Bad(wrong.Message);
        }
    }

    private static ulong NextObject(FilesystemInfo info, ImmutableArray<CommitRecord> commits) =>
        commits.IsEmpty ? info.BaseNextObject : commits[^1].NextObject;
}
