using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// The frame around send streams: <c>DMZFS1\n</c>, length and SHA-256 of a JSON header, the header; then for each segment
/// chunks of a length (4 bytes, big endian) and so many bytes, ended by a length of zero. The send streams have checksums
/// of their own; a stream that was cut lacks the last zero.
/// </summary>
internal static class ZfsFrame
{
    public const int MaxChunk = 1 << 24;

    private const int MaxHeader = 256 << 20;

    private static ReadOnlySpan<byte> Magic => "DMZFS1\n"u8;

    private const int PrefixLength = 7 + 4 + 32;

    public static async Task<long> WriteHeader(ZfsStreamHeader header, Stream output, CancellationToken ct)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(header, ZfsJson.Default.ZfsStreamHeader);
        var prefix = new byte[PrefixLength];
        Magic.CopyTo(prefix);
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(7), json.Length);
        SHA256.HashData(json, prefix.AsSpan(11));
        await output.WriteAsync(prefix, ct);
        await output.WriteAsync(json, ct);
        return prefix.Length + json.Length;
    }

    public static async Task<ZfsStreamHeader> ReadHeader(Stream input, CancellationToken ct)
    {
        var prefix = await ReadExactly(input, PrefixLength, ct);
        if (!prefix.AsSpan().StartsWith(Magic))
        {
            throw Bad("is of another format");
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(7));
        if (length is < 2 or > MaxHeader)
        {
            throw Bad("has a damaged header");
        }

        var json = await ReadExactly(input, length, ct);
        if (!SHA256.HashData(json).AsSpan().SequenceEqual(prefix.AsSpan(11)))
        {
            throw Bad("has a damaged header");
        }

        return JsonSerializer.Deserialize(json, ZfsJson.Default.ZfsStreamHeader) ?? throw Bad("has an empty header");
    }

    /// <summary>An empty chunk ends the segment.</summary>
    public static async ValueTask WriteChunk(ReadOnlyMemory<byte> chunk, Stream output, CancellationToken ct)
    {
        // as one write: what is behind it pays for each
        var whole = ArrayPool<byte>.Shared.Rent(4 + chunk.Length);
        BinaryPrimitives.WriteInt32BigEndian(whole, chunk.Length);
        chunk.CopyTo(whole.AsMemory(4));
        await output.WriteAsync(whole.AsMemory(0, 4 + chunk.Length), ct);
        ArrayPool<byte>.Shared.Return(whole);
    }

    public static async Task<byte[]> ReadExactly(Stream input, int length, CancellationToken ct)
    {
        var buffer = new byte[length];
        return await input.ReadAtLeastAsync(buffer, length, throwOnEndOfStream: false, ct) == length
            ? buffer
            : throw Bad("ends too early");
    }

    public static StorageException Bad(string how) => new(StorageFailure.BadStream, $"The stream {how}.");
}

/// <summary>One segment as a stream of its own.</summary>
internal sealed class ZfsSegmentStream(Stream input) : ReadOnlyStream
{
    private int _left;
    private bool _ended;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0 && !_ended)
        {
            _left = BinaryPrimitives.ReadInt32BigEndian(await ZfsFrame.ReadExactly(input, 4, cancellationToken));
            _ended = _left == 0;
            if (_left is < 0 or > ZfsFrame.MaxChunk)
            {
                throw ZfsFrame.Bad("is damaged");
            }
        }

        if (_ended)
        {
            return 0;
        }

        var count = await input.ReadAsync(buffer[..Math.Min(_left, buffer.Length)], cancellationToken);
        _left -= count;
        return count > 0 ? count : throw ZfsFrame.Bad("ends too early");
    }
}

/// <summary>Tells whether a stream ended too early, or could not be read.</summary>
/// <param name="inner">Not closed.</param>
/// <param name="ct">Of the whole. A read that ends for another reason ended because nobody wanted its data any more.</param>
internal sealed class BreakWatch(Stream inner, CancellationToken ct) : ReadOnlyStream
{
    public bool Broke { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            var count = await inner.ReadAsync(buffer, cancellationToken);
            Broke = count == 0 && buffer.Length > 0;
            return count;
        }
        catch (OperationCanceledException)
        {
            Broke = ct.IsCancellationRequested;
            throw;
        }
        catch (Exception)
        {
            // reading fails in as many ways as there are sources
            Broke = true;
            throw;
        }
    }
}
