using System.Buffers;
using System.IO.Compression;
using System.Text;

namespace Dotmesh.Rpc.Peers;

/// <summary>Reads answers of limited length.</summary>
internal static class PeerBody
{
    private const int ChunkBytes = 16 * 1024;

    /// <summary>Null: it is longer.</summary>
    public static async Task<ReadOnlyMemory<byte>?> Whole(HttpContent content, int mostBytes, CancellationToken ct)
    {
        if (content.Headers.ContentLength > mostBytes)
        {
            return null;
        }

        await using var stream = await content.ReadAsStreamAsync(ct);
        var read = await Upto(stream, mostBytes + 1, ct);
        if (read.Length > mostBytes)
        {
            // not by ?:, in which null would be an empty answer
            return null;
        }

        return read;
    }

    /// <summary>The beginning, as text.</summary>
    public static async Task<string> Text(HttpContent content, CancellationToken ct)
    {
        await using var stream = await content.ReadAsStreamAsync(ct);
        var read = await Upto(stream, PeerLimits.MostTextBytes, ct);
        return Text(await Unzipped(read, ct));
    }

    /// <summary>At most <see cref="PeerLimits.MostTextBytes"/> of it.</summary>
    public static string Cut(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length <= PeerLimits.MostTextBytes ? text : Text(bytes.AsMemory(0, PeerLimits.MostTextBytes));
    }

    // a character that was cut in two is left out
    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span).TrimEnd('\uFFFD', '\r', '\n');

    /// <summary>An original node that passes a push on zips the answer without saying so (contract 6.4).</summary>
    private static async Task<ReadOnlyMemory<byte>> Unzipped(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        if (bytes.Length < 2 || bytes.Span[0] != 0x1f || bytes.Span[1] != 0x8b)
        {
            return bytes;
        }

        try
        {
            await using var gzip = new GZipStream(new MemoryStream(bytes.ToArray()), CompressionMode.Decompress);
            return await Upto(gzip, PeerLimits.MostTextBytes, ct);
        }
        catch (InvalidDataException)
        {
            return bytes;
        }
    }

    private static async Task<ReadOnlyMemory<byte>> Upto(Stream stream, int mostBytes, CancellationToken ct)
    {
        var read = new ArrayBufferWriter<byte>();
        while (read.WrittenCount < mostBytes)
        {
            var room = read.GetMemory(Math.Min(ChunkBytes, mostBytes - read.WrittenCount));
            var count = await stream.ReadAsync(room[..Math.Min(room.Length, mostBytes - read.WrittenCount)], ct);
            if (count == 0)
            {
                break;
            }

            read.Advance(count);
        }

        return read.WrittenMemory;
    }
}
