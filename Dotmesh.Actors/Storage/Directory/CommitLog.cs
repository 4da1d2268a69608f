using System.Collections.Immutable;
using System.Text;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <param name="Manifest">Name of the commit's manifest; commits without a change between them share one.</param>
/// <param name="TotalBytes">What the tree holds, as <see cref="Trees.TotalBytes"/> counts it.</param>
/// <param name="NextObject">Every object of this and all earlier commits has a smaller number.</param>
internal sealed record CommitRecord(
    string Id,
    ulong Guid,
    DateTimeOffset CreatedAt,
    CommitMetadata Metadata,
    long Sequence,
    string Manifest,
    long TotalBytes,
    ulong NextObject)
{
    internal StoredCommit ToStored() => new(new CommitId(Id), Guid, CreatedAt, Metadata);
}

/// <summary>
/// The commits of one filesystem, appended one by one, each with its length and checksum. A commit exists from the moment
/// its record is flushed; a torn record at the end is an unacknowledged commit and is cut off.
/// </summary>
internal static class CommitLog
{
    private const int Frame = 8;

    internal static (ImmutableArray<CommitRecord> Commits, long Length) Read(string path)
    {
        var bytes = PoolFiles.TryRead(path) ?? [];
        var commits = ImmutableArray.CreateBuilder<CommitRecord>();
        var position = 0;
        while (position < bytes.Length)
        {
            var length = TryReadRecord(bytes.AsSpan(position), out var record);
            if (length == 0)
            {
                RefuseDamageInside(path, bytes, position);
                break;
            }

            commits.Add(record!);
            position += length;
        }

        return (commits.DrainToImmutable(), position);
    }

    /// <param name="path">The log.</param>
    /// <param name="end">End of its last good record; what follows is torn.</param>
    /// <param name="record">The new commit.</param>
    internal static void Append(string path, long end, CommitRecord record)
    {
        using var file = Handle.Open(path, Linux.WriteOnly | Linux.Create, 0x180);
        var to = new ByteBuffer();
        WriteRecord(to, record);
        try
        {
            if (file.Stat().Size != end)
            {
                file.Truncate(end, path);
            }

            file.Seek(end, Linux.SeekSet);
            file.Write(to.Span, path);
            file.Sync(path);
        }
        catch (StorageException)
        {
            _ = Libc.ftruncate(file.Fd, end);
            throw;
        }
    }

    /// <summary>Bytes that the record takes in the log.</summary>
    internal static long LengthOf(CommitRecord record)
    {
        var payload = new ByteBuffer();
        WritePayload(payload, record);
        return payload.Length + Frame;
    }

    internal static void Rewrite(string path, IEnumerable<CommitRecord> records)
    {
        var to = new ByteBuffer();
        foreach (var record in records)
        {
            WriteRecord(to, record);
        }

        PoolFiles.Replace(path, to.Span);
    }

    /// <summary>The record without its frame; also the head of a commit in a stream.</summary>
    internal static void WritePayload(ByteBuffer to, CommitRecord record)
    {
        to.Block(Encoding.UTF8.GetBytes(record.Id));
        to.Fixed64(record.Guid);
        to.Signed(record.CreatedAt.UtcTicks);
        to.Number((ulong)record.Sequence);
        to.Block(Encoding.UTF8.GetBytes(record.Manifest));
        to.Number((ulong)record.TotalBytes);
        to.Number(record.NextObject);
        to.Number((ulong)record.Metadata.Count);
        foreach (var (key, value) in record.Metadata)
        {
            to.Block(Encoding.UTF8.GetBytes(key));
            to.Block(Encoding.UTF8.GetBytes(value));
        }
    }

    internal static CommitRecord ReadPayload(ref ByteReader from)
    {
        var id = Encoding.UTF8.GetString(from.Block());
        var guid = from.Fixed64();
        var ticks = from.Signed();
        var sequence = (long)from.Number();
        var manifest = Encoding.UTF8.GetString(from.Block());
        var total = (long)from.Number();
        var next = from.Number();
        var metadata = new KeyValuePair<string, string>[from.Count(from.Left)];
        for (var i = 0; i < metadata.Length; i++)
        {
            metadata[i] = KeyValuePair.Create(
                Encoding.UTF8.GetString(from.Block()), Encoding.UTF8.GetString(from.Block()));
        }

        if (ticks < 0 || ticks > DateTimeOffset.MaxValue.UtcTicks)
        {
            throw new InvalidDataException("a time is not possible");
        }

        var created = new DateTimeOffset(ticks, TimeSpan.Zero);
        return new CommitRecord(id, guid, created, new CommitMetadata(metadata), sequence, manifest, total, next);
    }

    private static void WriteRecord(ByteBuffer to, CommitRecord record)
    {
        var payload = new ByteBuffer();
        WritePayload(payload, record);
        to.Fixed32((uint)payload.Length);
        to.Fixed32(Checksum.Crc32C(payload.Span));
        to.Raw(payload.Span);
    }

    /// <summary>Its length with the frame; 0 when there is no whole record.</summary>
    private static int TryReadRecord(ReadOnlySpan<byte> bytes, out CommitRecord? record)
    {
        record = null;
        if (bytes.Length < Frame)
        {
            return 0;
        }

        var frame = new ByteReader(bytes);
        var length = frame.Fixed32();
        var checksum = frame.Fixed32();
        if (length > bytes.Length - Frame || length == 0)
        {
            return 0;
        }

        var payload = bytes.Slice(Frame, (int)length);
        if (Checksum.Crc32C(payload) != checksum)
        {
            return 0;
        }

        var from = new ByteReader(payload);
        record = ReadPayload(ref from);
        return Frame + (int)length;
    }

    // A crash tears the last record only. A good record after a bad one means that an acknowledged commit is damaged,
    // and cutting there would lose acknowledged commits without a word.
    private static void RefuseDamageInside(string path, byte[] bytes, int position)
    {
        for (var next = position + 1; next <= bytes.Length - Frame; next++)
        {
            if (TryReadRecord(bytes.AsSpan(next), out _) != 0)
            {
                throw new StorageException(
                    StorageFailure.Unexpected,
                    $"The pool is damaged: {path} has a broken record at byte {position}; restore it from another copy");
            }
        }
    }
}
