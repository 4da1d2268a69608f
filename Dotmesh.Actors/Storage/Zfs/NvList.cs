using System.Buffers.Binary;
using System.Text;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Reads the name-value lists of ZFS in their XDR form (<c>nvlist_pack</c> with <c>NV_ENCODE_XDR</c>), which is how properties stand in a
/// send stream. Only texts and lists in lists are kept. What is malformed is refused: it comes from other clusters.
/// </summary>
internal sealed class NvList
{
    private const uint Xdr = 1, Text = 9, Nested = 19;
    private const int MaxDepth = 8;

    public Dictionary<string, string> Texts { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, NvList> Lists { get; } = new(StringComparer.Ordinal);

    /// <summary>Throws <see cref="InvalidDataException"/>.</summary>
    public static NvList Read(ReadOnlySpan<byte> packed)
    {
        if (packed.Length < 4 || packed[0] != Xdr)
        {
            throw Bad();
        }

        packed = packed[4..];
        return Read(ref packed, 0);
    }

    private static NvList Read(ref ReadOnlySpan<byte> from, int depth)
    {
        if (depth > MaxDepth)
        {
            throw Bad();
        }

        // version and flags
        Take(ref from, 8);
        var list = new NvList();
        while (true)
        {
            // a pair begins with its length, these two numbers included; two zeros end the list
            var length = Number(from);
            if (length == 0)
            {
                Take(ref from, 8);
                return list;
            }

            var pair = Take(ref from, (int)Math.Min(length, int.MaxValue));
            Take(ref pair, 8);
            var name = String(ref pair);
            var type = Number(Take(ref pair, 8));
            if (type == Text)
            {
                list.Texts[name] = String(ref pair);
            }
            else if (type == Nested)
            {
                list.Lists[name] = Read(ref pair, depth + 1);
            }
        }
    }

    private static string String(ref ReadOnlySpan<byte> from)
    {
        var length = Number(Take(ref from, 4));
        var text = Take(ref from, (int)Math.Min(length, int.MaxValue - 4));
        Take(ref from, (4 - (int)(length % 4)) % 4);
        return Encoding.UTF8.GetString(text);
    }

    private static uint Number(ReadOnlySpan<byte> from) =>
        from.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(from) : throw Bad();

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> from, int length)
    {
        if (length > from.Length)
        {
            throw Bad();
        }

        var taken = from[..length];
        from = from[length..];
        return taken;
    }

    private static InvalidDataException Bad() => new("a list of properties is damaged");
}
