using System.Buffers.Binary;

namespace Dotmesh.Specs.Support;

/// <summary>Gzip members put together byte by byte (RFC 1951, 1952), to have those that the runtime does not write.</summary>
internal static class HandmadeGzip
{
    [Flags]
    public enum Header
    {
        Plain = 0,
        Checksum = 2,
        Extra = 4,
        Name = 8,
        Comment = 16,
        All = Checksum | Extra | Name | Comment,
    }

    /// <summary>A member as Go's writer makes it without compression: stored blocks, a flush, an empty last block.</summary>
    public static byte[] Member(ReadOnlySpan<byte> content, Header header = Header.Plain, int blockBytes = 65535, byte level = 0)
    {
        var member = new List<byte>([0x1f, 0x8b, 8, (byte)header, 0, 0, 0, 0, level, 255]);
        member.AddRange(header.HasFlag(Header.Extra) ? [3, 0, 1, 2, 3] : []);
        member.AddRange(header.HasFlag(Header.Name) ? "name\0"u8 : []);
        member.AddRange(header.HasFlag(Header.Comment) ? "comment\0"u8 : []);
        if (header.HasFlag(Header.Checksum))
        {
            member.AddRange(Little(Crc([.. member]))[..2]);
        }

        for (var rest = content; rest.Length > 0; rest = rest[Math.Min(blockBytes, rest.Length)..])
        {
            Stored(member, rest[..Math.Min(blockBytes, rest.Length)], last: false);
        }

        Stored(member, [], last: false);
        Stored(member, [], last: true);
        member.AddRange(Little(Crc(content)));
        member.AddRange(Little((uint)content.Length));
        return [.. member];
    }

    private static void Stored(List<byte> member, ReadOnlySpan<byte> block, bool last)
    {
        member.Add(last ? (byte)1 : (byte)0);
        member.AddRange(Little((uint)(block.Length | (~block.Length << 16))));
        member.AddRange(block);
    }

    private static ReadOnlySpan<byte> Little(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var one in bytes)
        {
            crc ^= one;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }
}
