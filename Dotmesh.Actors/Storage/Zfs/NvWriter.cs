using System.Buffers.Binary;
using System.Text;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Writes name-value lists as <see cref="NvList"/> reads them. A pair tells its size twice, as it is written and as the receiver's memory
/// will hold it, and old receivers take neither on trust.
/// </summary>
internal sealed class NvWriter
{
    private const uint Text = 9, Number = 8, Nested = 19;

    // sizeof(nvpair_t), sizeof(nvlist_t) rounded
    private const int PairInMemory = 16, ListInMemory = 24;

    private readonly List<byte> _pairs = [];

    public NvWriter Add(string name, string value)
    {
        var text = Encoding.UTF8.GetBytes(value);
        Pair(name, Text, text.Length + 1, Padded(text));
        return this;
    }

    public NvWriter Add(string name, ulong value)
    {
        var number = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(number, value);
        Pair(name, Number, 8, number);
        return this;
    }

    public NvWriter Add(string name, NvWriter list)
    {
        Pair(name, Nested, ListInMemory, list.Body());
        return this;
    }

    /// <summary>With the four bytes that say how it is written.</summary>
    public byte[] Pack() => [1, 1, 0, 0, .. Body()];

    /// <summary>Version, flag for unique names, pairs, and two zeros.</summary>
    private byte[] Body() => [.. Words(0, 1), .. _pairs, .. Words(0, 0)];

    private void Pair(string name, uint type, int inMemory, byte[] value)
    {
        var text = Encoding.UTF8.GetBytes(name);
        var padded = Padded(text);
        var written = 8 + padded.Length + 8 + value.Length;
        var held = Eight(PairInMemory + text.Length + 1) + Eight(inMemory);
        _pairs.AddRange([.. Words((uint)written, (uint)held), .. padded, .. Words(type, 1), .. value]);
    }

    private static int Eight(int length) => (length + 7) & ~7;

    /// <summary>Its length before it, zeros up to whole words after it.</summary>
    private static byte[] Padded(byte[] text) => [.. Words((uint)text.Length), .. text, .. new byte[(4 - (text.Length % 4)) % 4]];

    private static byte[] Words(params ReadOnlySpan<uint> words)
    {
        var bytes = new byte[4 * words.Length];
        for (var n = 0; n < words.Length; n++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4 * n), words[n]);
        }

        return bytes;
    }
}
