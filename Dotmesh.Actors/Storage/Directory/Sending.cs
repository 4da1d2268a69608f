using System.Buffers;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Writes commits as a stream; the same code without an output predicts the size exactly.</summary>
internal sealed class Sending(FilesystemFolder folder, SectionWriter output, CancellationToken ct)
{
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
                await SendContent(objects, file);
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
        using var content = objects.Open(file.ObjectId);
        var buffer = ArrayPool<byte>.Shared.Rent(StreamSections.DataSize);
        try
        {
            foreach (var (offset, length) in FileCopy.Extents(content, file.Size))
            {
                for (var at = offset; at < offset + length; at += StreamSections.DataSize)
                {
                    var part = (int)Math.Min(StreamSections.DataSize, offset + length - at);
                    await SendPart(content, at, buffer.AsMemory(0, part));
                }
            }

            await output.Open(StreamSections.Data, 0, ct);
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

        content.Seek(at, Linux.SeekSet);
        if (content.ReadFully(part.Span) != part.Length)
        {
            throw new StorageException(
                StorageFailure.Unexpected, $"The pool is damaged: an object of {folder.Path} is shorter than committed");
        }

        await output.Put(part, ct);
    }
}
