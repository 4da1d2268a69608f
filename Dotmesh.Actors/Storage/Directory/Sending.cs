using System.Buffers;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Writes commits as a stream; the same code without an output predicts the size exactly.</summary>
/// <param name="kept">How many contents the receiver has of the stream already.</param>
internal sealed class Sending(FilesystemFolder folder, SectionWriter output, long kept, CancellationToken ct)
{
    private long _contents;

    /// <param name="from">Name of the manifest to start after; null: from nothing.</param>
    /// <param name="head">Head of the stream.</param>
    /// <param name="commits">What is sent.</param>
    internal async Task Send(string? from, StreamHead head, IReadOnlyList<CommitRecord> commits)
    {
        using var objects = new ObjectStore(folder.Objects, 1);
        await output.Start(ct);
        var buffer = new ByteBuffer();
        head.Write(buffer);
        await output.Write(StreamSections.Head, buffer.Memory, ct);
        var before = from is null ? EmptyTree() : folder.Manifests.Read(from).Tree;
        foreach (var commit in commits)
        {
            ct.ThrowIfCancellationRequested();
            buffer.Clear();
            CommitLog.WritePayload(buffer, commit);
            await output.Write(StreamSections.Commit, buffer.Memory, ct);
            var now = folder.Manifests.Read(commit.Manifest).Tree;
            var contents = new List<TreeNode>();
            await output.Write(StreamSections.Entries, TreeDelta.Write(before, now, contents).Memory, ct);
            foreach (var file in contents)
            {
                await (_contents++ < kept ? SendHash(objects, file) : SendContent(objects, file));
            }

            await output.WriteSeal(ct);
            before = now;
        }

        await output.Write(StreamSections.End, default, ct);
        await output.Flush(ct);
    }

    internal static TreeNode EmptyTree() => new() { Name = [], Mode = Linux.TypeDirectory | 0x1ED };

    /// <summary>Each part that holds data: its offset, then the bytes. A part of length 0 ends the file.</summary>
    private async Task SendContent(ObjectStore objects, TreeNode file)
    {
        await Parts(objects, file, SendPart);
        await output.Open(StreamSections.Data, 0, ct);
    }

    /// <summary>Of a content that the receiver has: so that it is sure that it has this one.</summary>
    private async Task SendHash(ObjectStore objects, TreeNode file)
    {
        using var hash = new ContentHash();
        await Parts(objects, file, (content, at, part) =>
        {
            ct.ThrowIfCancellationRequested();
            Read(content, at, part);
            hash.Add(at, part.Span);
            return Task.CompletedTask;
        });
        await output.Write(StreamSections.Kept, hash.End(), ct);
    }

    private static async Task Parts(ObjectStore objects, TreeNode file, Func<Handle, long, Memory<byte>, Task> each)
    {
        using var content = objects.Open(file.ObjectId);
        var buffer = ArrayPool<byte>.Shared.Rent(StreamSections.DataSize);
        try
        {
            foreach (var (offset, length) in FileCopy.Extents(content, file.Size))
            {
                for (var at = offset; at < offset + length; at += StreamSections.DataSize)
                {
                    var part = (int)Math.Min(StreamSections.DataSize, offset + length - at);
                    await each(content, at, buffer.AsMemory(0, part));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task SendPart(Handle content, long at, Memory<byte> part)
    {
        await output.Open(StreamSections.Data, part.Length + sizeof(long), ct);
        await output.Put(BitConverter.GetBytes(at), ct);
        if (output.CountsOnly)
        {
            output.Count(part.Length);
            return;
        }

        Read(content, at, part);
        await output.Put(part, ct);
    }

    private void Read(Handle content, long at, Memory<byte> part)
    {
        content.Seek(at, Linux.SeekSet);
        if (content.ReadFully(part.Span) != part.Length)
        {
            throw new StorageException(
                StorageFailure.Unexpected, $"The pool is damaged: an object of {folder.Path} is shorter than committed");
        }
    }
}
