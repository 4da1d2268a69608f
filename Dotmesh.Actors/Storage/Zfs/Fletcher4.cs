using System.Buffers.Binary;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>The checksum that ends the parts of a send stream: four running sums over words of 32 bits.</summary>
/// <param name="BigEndian">Byte order of the words.</param>
internal record struct Fletcher4(bool BigEndian)
{
    private ulong _a, _b, _c, _d;

    /// <param name="words">Whole words.</param>
    public void Add(ReadOnlySpan<byte> words)
    {
        for (; words.Length >= 4; words = words[4..])
        {
            _a += BigEndian ? BinaryPrimitives.ReadUInt32BigEndian(words) : BinaryPrimitives.ReadUInt32LittleEndian(words);
            _b += _a;
            _c += _b;
            _d += _c;
        }
    }

    public readonly (ulong, ulong, ulong, ulong) Sum => (_a, _b, _c, _d);
}
