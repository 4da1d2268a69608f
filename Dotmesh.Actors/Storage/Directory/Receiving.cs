using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Applies a stream commit by commit; each exists once its checksum was seen and its record is flushed. The live tree
/// follows at the end, also when the stream breaks off: to the last complete commit.
/// </summary>
internal sealed class Receiving(PoolFolder pool, SectionReader input, CancellationToken ct)
{
    private readonly byte[] _buffer = new byte[StreamSections.DataSize];

    /// <param name="id">The filesystem that is made or extended.</param>
    /// <param name="folder">Where it is, or where it is being built.</param>
    /// <param name="head">Its newest state, which the stream starts after.</param>
    /// <param name="count">How many commits the stream announces.</param>
    /// <param name="to">The newest of them.</param>
    /// <param name="publish">Puts a filesystem being built in place, after its first commit; null when it is there.</param>
    internal async Task Receive(
        string id, FilesystemFolder folder, Head head, int count, CommitId to, Action? publish)
    {
        var tree = head.Tree;
        var manifest = head.Manifest;
        var commits = head.Commits;
        var received = 0;
        try
        {
            for (; received < count; received++)
            {
                var (record, made) = await ReceiveCommit(folder, tree, commits, NextObject(head.Info, commits));
                pool.Faults.Hit("directory.receive.before-record");
                CommitLog.Append(folder.Log, commits.Sum(CommitLog.LengthOf), record);
                (tree, manifest, commits) = (made, record.Manifest, commits.Add(record));
                if (publish is not null)
                {
                    new Intent(Intent.Receive).Write(pool.IntentOf(id));
                    publish();
                    (publish, folder) = (null, pool.Folder(id));
                }

                pool.Faults.Hit("directory.receive.after-commit");
            }

            if (await input.Expect(StreamSections.End, ct) is { Length: > 0 }
                || commits.IsEmpty || commits[^1].Id != to.Value)
            {
                throw SectionReader.Bad($"it does not end at {to}");
            }
        }
        catch (Exception failure) when (failure is not InjectedFaultException && publish is null)
        {
            // what came whole stays; the cancelled request's token must not stop the tidying
            Settle(folder, head, manifest, commits, CancellationToken.None);
            throw;
        }

        Settle(folder, head, manifest, commits, ct);
    }

    private void Settle(
        FilesystemFolder folder, Head head, string manifest, ImmutableArray<CommitRecord> commits, CancellationToken token)
    {
        folder.DiscardUnreferenced(head.Info, commits);
        Restoring.Reset(folder, head.Tree, manifest, token);
        pool.Faults.Hit("directory.receive.after-restore");
    }

    private async Task<(CommitRecord Record, TreeNode Tree)> ReceiveCommit(
        FilesystemFolder folder, TreeNode before, ImmutableArray<CommitRecord> commits, ulong nextObject)
    {
        var sent = ReadRecord(await input.Expect(StreamSections.Commit, ct));
        if (commits.Any(c => c.Id == sent.Id))
        {
            throw SectionReader.Bad($"it holds the commit {sent.Id}, which is here already");
        }

        var contents = new List<TreeNode>();
        var tree = ApplyEntries(before, await input.Expect(StreamSections.Entries, ct), contents, out var sharing);
        using var objects = new ObjectStore(folder.Objects, nextObject);
        foreach (var file in contents)
        {
            file.ObjectId = await ReceiveContent(objects, file.Size);
        }

        sharing.ForEach(pair => pair.Node.ObjectId = pair.With.Size == pair.Node.Size
            ? pair.With.ObjectId
            : throw SectionReader.Bad("two names of one content differ in size"));
        await input.CheckSeal(ct);
        if (contents.Count > 0)
        {
            objects.SyncFilesystem();
        }

        var sequence = commits.IsEmpty ? 1 : commits[^1].Sequence + 1;
        var manifest = sequence.ToString(CultureInfo.InvariantCulture);
        folder.WriteManifest(manifest, tree);
        return (sent with { Sequence = sequence, Manifest = manifest, NextObject = objects.Next }, tree);
    }

    private async Task<ulong> ReceiveContent(ObjectStore objects, long size)
    {
        using var file = objects.Make(out var id);
        var path = $"object {id}";
        long end = 0;
        while (true)
        {
            var (kind, length) = await input.Next(ct);
            if (kind != StreamSections.Data || length > StreamSections.DataSize + sizeof(long)
                || length is > 0 and <= sizeof(long))
            {
                throw SectionReader.Bad("its sections are not in order");
            }

            if (length == 0)
            {
                file.Truncate(size, path);
                return id;
            }

            var offset = new byte[sizeof(long)];
            await input.Fill(offset, ct);
            var at = BinaryPrimitives.ReadInt64LittleEndian(offset);
            var part = _buffer.AsMemory(0, (int)length - sizeof(long));
            await input.Fill(part, ct);
            if (at < end || at > size - part.Length)
            {
                throw SectionReader.Bad("a content does not fit its file");
            }

            file.Seek(at, Linux.SeekSet);
            file.Write(part.Span, path);
            end = at + part.Length;
        }
    }

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
