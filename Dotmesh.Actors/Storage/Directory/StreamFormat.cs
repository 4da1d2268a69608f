using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// The stream <c>dotmesh-directory-v1</c>: the line of that name, then sections [kind 1][length 8][payload]:
/// <c>H</c> what the stream leads from and to; per commit <c>C</c> its record, <c>E</c> its changed entries with their
/// contents following as <c>D</c> sections, or as one <c>K</c> with its hash for a content that the receiver has kept of a
/// stream that broke off; <c>S</c> the SHA-256 of everything since the start of the stream; at last <c>Z</c>. Names are bytes. Whatever is cut, flipped or out of order is noticed before its commit exists.
/// </summary>
internal static class StreamSections
{
    internal const byte Head = (byte)'H';
    internal const byte Commit = (byte)'C';
    internal const byte Entries = (byte)'E';
    internal const byte Data = (byte)'D';
    internal const byte Kept = (byte)'K';
    internal const byte Seal = (byte)'S';
    internal const byte End = (byte)'Z';

    internal const int Frame = 9;
    internal const int DataSize = 1 << 20;

    /// <summary>The largest section that is read into memory: the entries of one commit.</summary>
    internal const int LargestSection = 1 << 30;

    internal static ReadOnlySpan<byte> Magic => "dotmesh-directory-v1\n"u8;
}

/// <param name="From">Null for a full stream.</param>
/// <param name="FromGuid">GUID of the commit that the stream starts after.</param>
/// <param name="Commits">How many commits follow.</param>
internal sealed record StreamHead(string? From, ulong FromGuid, string To, int Commits)
{
    internal void Write(ByteBuffer to)
    {
        to.Block(PoolFiles.Bytes(From ?? ""));
        to.Fixed64(FromGuid);
        to.Block(PoolFiles.Bytes(To));
        to.Number((ulong)Commits);
    }

    internal static StreamHead Read(ref ByteReader from)
    {
        var start = System.Text.Encoding.UTF8.GetString(from.Block());
        var guid = from.Fixed64();
        var to = System.Text.Encoding.UTF8.GetString(from.Block());
        return new StreamHead(start.Length == 0 ? null : start, guid, to, from.Count(int.MaxValue));
    }
}

/// <summary>Writes sections, or with no output only counts them.</summary>
internal sealed class SectionWriter(Stream? output) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _frame = new byte[StreamSections.Frame];

    internal long Written { get; private set; }

    internal bool CountsOnly => output is null;

    public void Dispose() => _hash.Dispose();

    internal Task Start(CancellationToken ct) => Put(StreamSections.Magic.ToArray(), ct);

    internal async Task Write(byte kind, ReadOnlyMemory<byte> payload, CancellationToken ct)
    {
        await Open(kind, payload.Length, ct);
        await Put(payload, ct);
    }

    /// <summary>Begins a section whose payload follows by <see cref="Put"/> or is only counted.</summary>
    internal Task Open(byte kind, long length, CancellationToken ct)
    {
        _frame[0] = kind;
        BinaryPrimitives.WriteInt64LittleEndian(_frame.AsSpan(1), length);
        return Put(_frame, ct);
    }

    internal async Task Put(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        Written += bytes.Length;
        if (output is not null)
        {
            _hash.AppendData(bytes.Span);
            await output.WriteAsync(bytes, ct);
        }
    }

    internal void Count(long bytes) => Written += bytes;

    internal Task WriteSeal(CancellationToken ct) => Write(StreamSections.Seal, _hash.GetCurrentHash(), ct);

    internal async Task Flush(CancellationToken ct)
    {
        if (output is not null)
        {
            await output.FlushAsync(ct);
        }
    }
}

/// <summary>Reads sections; whatever is not as it should be is <see cref="StorageFailure.BadStream"/>.</summary>
internal sealed class SectionReader(Stream input) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _frame = new byte[StreamSections.Frame];

    /// <summary>Whether it ended before its end; what came before may be right.</summary>
    internal bool Broke { get; private set; }

    public void Dispose() => _hash.Dispose();

    internal static StorageException Bad(string why) =>
        new(StorageFailure.BadStream, $"The stream is not usable: {why}; send it again");

    internal async Task Start(CancellationToken ct)
    {
        var magic = new byte[StreamSections.Magic.Length];
        await Fill(magic, ct);
        if (!StreamSections.Magic.SequenceEqual(magic))
        {
            throw Bad($"it is not of the format {DirectoryStorage.StreamFormat}");
        }
    }

    /// <summary>The next section's kind and length.</summary>
    internal async Task<(byte Kind, long Length)> Next(CancellationToken ct)
    {
        await Fill(_frame, ct);
        var length = BinaryPrimitives.ReadInt64LittleEndian(_frame.AsSpan(1));
        return length >= 0 ? (_frame[0], length) : throw Bad("a section has an impossible length");
    }

    internal async Task<byte[]> Expect(byte kind, CancellationToken ct)
    {
        var (found, length) = await Next(ct);
        if (found != kind || length > StreamSections.LargestSection)
        {
            throw Bad("its sections are not in order");
        }

        return await ReadPayload((int)length, ct);
    }

    /// <summary>Grows with what really comes, so that a claimed length alone costs no memory.</summary>
    internal async Task<byte[]> ReadPayload(int length, CancellationToken ct)
    {
        var bytes = new byte[Math.Min(length, StreamSections.DataSize)];
        var filled = 0;
        while (true)
        {
            await Fill(bytes.AsMemory(filled), ct);
            filled = bytes.Length;
            if (filled == length)
            {
                return bytes;
            }

            Array.Resize(ref bytes, (int)Math.Min(length, (long)filled * 2));
        }
    }

    internal async Task Fill(Memory<byte> bytes, CancellationToken ct)
    {
        Broke = true;
        var got = await input.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
        if (got < bytes.Length)
        {
            throw Bad("it ends too early");
        }

        Broke = false;
        _hash.AppendData(bytes.Span);
    }

    /// <summary>Requires that everything read so far is what was sent.</summary>
    internal async Task CheckSeal(CancellationToken ct)
    {
        var expected = _hash.GetCurrentHash();
        var sealed256 = await Expect(StreamSections.Seal, ct);
        if (!expected.AsSpan().SequenceEqual(sealed256))
        {
            throw Bad("its checksum does not match");
        }
    }
}
