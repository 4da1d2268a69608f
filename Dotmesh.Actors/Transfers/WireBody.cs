using System.Buffers;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// The body of the stream endpoints, both ways (contract 6.4): one gzip container that nothing announces, in it the
/// <see cref="WirePrelude"/> and then the raw stream. Memory is constant but for the prelude, which is bounded.
/// </summary>
public static class WireBody
{
    private const int FirstRead = 4096;

    /// <summary>Writes a body; nothing is compressed, as the original has it.</summary>
    /// <param name="prelude">From <see cref="WirePrelude.Encode"/>, so that what cannot be sent is refused before anything is.</param>
    /// <param name="send">Writes the raw stream, asynchronously. When it fails the body is left without its end, and the caller has to
    /// break off the connection, so that the reader sees that too.</param>
    /// <param name="sent">Told of all uncompressed bytes so far, prelude included, after each write; null: nobody asks.</param>
    /// <returns>All uncompressed bytes.</returns>
    public static async Task<long> Write(
        Stream output, ReadOnlyMemory<byte> prelude, Func<Stream, CancellationToken, Task> send, Action<long>? sent, CancellationToken ct)
    {
        var gzip = new StoredGzip(output);
        var counted = new CountingStream(gzip, sent);
        await counted.WriteAsync(prelude, ct);
        await send(counted, ct);
        await gzip.Complete(ct);
        await output.FlushAsync(ct);
        return counted.Bytes;
    }

    /// <summary>Reads the prelude of a body and nothing of the stream after it.</summary>
    /// <param name="input">Not closed.</param>
    /// <returns>The stream; refused (<see cref="RefusalCode.Invalid"/>) with what is wrong when there is no usable prelude.</returns>
    public static async Task<Outcome<WireBodyReader>> Open(Stream input, CancellationToken ct)
    {
        var content = new StrictGunzip(input);
        var opened = false;
        try
        {
            var reader = await Open(content, ct);
            opened = reader.Refusal is null;
            return reader;
        }
        catch (StorageException damaged)
        {
            return new Refusal(RefusalCode.Invalid, damaged.Message);
        }
        finally
        {
            if (!opened)
            {
                await content.DisposeAsync();
            }
        }
    }

    private static async Task<Outcome<WireBodyReader>> Open(StrictGunzip content, CancellationToken ct)
    {
        var buffer = new ArrayBufferWriter<byte>(FirstRead);
        while (true)
        {
            var count = await content.ReadAsync(buffer.GetMemory(FirstRead), ct);
            var searched = buffer.WrittenCount;
            buffer.Advance(count);

            // base64 has no exclamation mark: the first one begins the marker, or there is none
            var mark = buffer.WrittenSpan[searched..].IndexOf(WirePrelude.Marker[0]);
            if (mark >= 0)
            {
                return await Open(content, buffer, searched + mark, ct);
            }

            if (count == 0 || buffer.WrittenCount > WirePrelude.MostBytes)
            {
                return count == 0 ? NoMarker() : TooLong();
            }
        }
    }

    private static async Task<Outcome<WireBodyReader>> Open(StrictGunzip content, ArrayBufferWriter<byte> buffer, int mark, CancellationToken ct)
    {
        var end = mark + WirePrelude.Marker.Length;
        for (int count; buffer.WrittenCount < end; buffer.Advance(count))
        {
            count = await content.ReadAsync(buffer.GetMemory(FirstRead), ct);
            if (count == 0)
            {
                return NoMarker();
            }
        }

        if (!buffer.WrittenSpan[mark..end].SequenceEqual(WirePrelude.Marker))
        {
            return NoMarker();
        }

        if (mark > WirePrelude.MostBytes)
        {
            return TooLong();
        }

        var begun = buffer.WrittenSpan[end..].ToArray();
        return WirePrelude.Decode(buffer.WrittenSpan[..mark].ToArray())
            .Then<WireBodyReader>(prelude => new WireBodyReader(prelude, content, begun, end));
    }

    private static Refusal NoMarker() =>
        new(RefusalCode.Invalid, "The prelude of the stream is not usable: there is no !!END_PRELUDE!! after it.");

    private static Refusal TooLong() =>
        new(RefusalCode.Invalid, $"The prelude of the stream is not usable: it has more than {WirePrelude.MostBytes} bytes.");
}
