using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// What OpenZFS says of a stream that broke off (<c>receive_resume_token</c>), and what its <c>send -t</c> takes: the version, a checksum, a
/// length and a compressed name-value list, in hexadecimal. A token names what is sent, so none of another cluster's ever gets to a command
/// line: its numbers are taken, and a token of them is made for a snapshot of this pool.
/// </summary>
/// <param name="Snapshot"><c>DATASET@SNAPSHOT</c> where it is sent from.</param>
/// <param name="Guid">Of that snapshot.</param>
/// <param name="FromGuid">Of the snapshot that it builds on; null: on none.</param>
internal sealed record ResumeToken(string Snapshot, ulong Guid, ulong? FromGuid, StreamPosition At)
{
    private const int Longest = 1 << 16;

    /// <summary>Null: it cannot be gone on with, because it is of a stream with features that ours do not have, or of a later version.</summary>
    public static ResumeToken? TryRead(string token)
    {
        if (token.Split('-') is not ["1", _, var length, var content]
            || !uint.TryParse(length, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bytes) || bytes > Longest)
        {
            return null;
        }

        try
        {
            var packed = new byte[bytes];
            using var compressed = new ZLibStream(new MemoryStream(Convert.FromHexString(content)), CompressionMode.Decompress);
            compressed.ReadExactly(packed);
            return Of(NativeList.Read(packed));
        }
        catch (Exception damaged) when (damaged is FormatException or InvalidDataException or EndOfStreamException)
        {
            return null;
        }
    }

    public override string ToString()
    {
        var list = new NvWriter()
            .Add("object", At.Object).Add("offset", At.Offset).Add("bytes", At.Bytes).Add("toguid", Guid).Add("toname", Snapshot);
        var packed = (FromGuid is { } from ? list.Add("fromguid", from) : list).Pack();
        var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            zlib.Write(packed);
        }

        // the bytes behind the last whole word do not count
        var sums = new Fletcher4(BigEndian: false);
        sums.Add(compressed.ToArray());
        return string.Create(
            CultureInfo.InvariantCulture, $"1-{sums.Sum.Item1:x}-{packed.Length:x}-{Convert.ToHexStringLower(compressed.ToArray())}");
    }

    private static ResumeToken? Of(NativeList list)
    {
        var known = list.Flags.Count == 0 && list.Texts.Count == 1
            && list.Numbers.Keys.All(key => key is "object" or "offset" or "bytes" or "toguid" or "fromguid");
        return known && list.Texts.TryGetValue("toname", out var snapshot) && list.Numbers.TryGetValue("toguid", out var guid)
            && list.Numbers.TryGetValue("object", out var @object) && list.Numbers.TryGetValue("offset", out var offset)
            && list.Numbers.TryGetValue("bytes", out var bytes)
            ? new ResumeToken(
                snapshot, guid, list.Numbers.TryGetValue("fromguid", out var from) ? from : null, new StreamPosition(@object, offset, bytes))
            : null;
    }

    /// <summary>
    /// A name-value list as this machine's kernel holds it (<c>NV_ENCODE_NATIVE</c>): numbers in its byte order, names and values padded to
    /// eight bytes. Throws <see cref="InvalidDataException"/>.
    /// </summary>
    private sealed class NativeList
    {
        private const int PairHead = 16;
        private const int Number = 8, Text = 9;

        public Dictionary<string, ulong> Numbers { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, string> Texts { get; } = new(StringComparer.Ordinal);

        /// <summary>All that is neither a number nor a text.</summary>
        public HashSet<string> Flags { get; } = new(StringComparer.Ordinal);

        public static NativeList Read(ReadOnlySpan<byte> packed)
        {
            // how it is written (0: native) and in which byte order; version and flags
            if (packed.Length < 12 || packed[0] != 0 || packed[1] != (BitConverter.IsLittleEndian ? 1 : 0))
            {
                throw Bad();
            }

            var list = new NativeList();
            for (packed = packed[12..]; Int(packed, 0) is var size and not 0; packed = packed[size..])
            {
                if (size < PairHead || size > packed.Length)
                {
                    throw Bad();
                }

                list.Take(packed[..size]);
            }

            return list;
        }

        // the pair: size, length of the name (2 bytes), reserved (2), count, type
        private void Take(ReadOnlySpan<byte> pair)
        {
            var length = BitConverter.ToUInt16(pair[4..]);
            var value = (PairHead + length + 7) & ~7;
            if (length == 0 || PairHead + length > pair.Length)
            {
                throw Bad();
            }

            var name = Terminated(pair.Slice(PairHead, length));
            switch (Int(pair, 12))
            {
                case Number when value + 8 <= pair.Length:
                    Numbers[name] = BitConverter.ToUInt64(pair[value..]);
                    break;
                case Text when value < pair.Length:
                    Texts[name] = Terminated(pair[value..]);
                    break;
                default:
                    Flags.Add(name);
                    break;
            }
        }

        private static int Int(ReadOnlySpan<byte> bytes, int at) => at + 4 <= bytes.Length ? BitConverter.ToInt32(bytes[at..]) : throw Bad();

        private static string Terminated(ReadOnlySpan<byte> text) =>
            text.IndexOf((byte)0) is var end and >= 0 ? Encoding.UTF8.GetString(text[..end]) : throw Bad();

        private static InvalidDataException Bad() => new("a resume token is damaged");
    }
}

/// <summary>How far the stream of one snapshot came, as OpenZFS counts.</summary>
internal sealed record StreamPosition(ulong Object, ulong Offset, ulong Bytes);
