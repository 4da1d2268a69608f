using System.Buffers.Binary;
using System.Text;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// A record of what <c>zfs send</c> writes: a C structure of <see cref="Length"/> bytes in the byte order of the machine that wrote it, and
/// after it as much payload as its fields say. The numbers are those of <c>sys/zfs_ioctl.h</c> of OpenZFS; fields that old versions do
/// not have are zero there.
/// </summary>
/// <param name="Bytes">All of the structure.</param>
/// <param name="BigEndian">Byte order, known from the first record of a stream.</param>
internal readonly record struct SendRecord(ReadOnlyMemory<byte> Bytes, bool BigEndian)
{
    public const int Length = 312;

    /// <summary>The largest block of any pool; a record that announces more is damaged.</summary>
    public const int MaxPayload = 16 << 20;

    private const ulong Magic = 0x2F5bacbac;
    private const uint Begin = 0, Object = 1, Write = 3, End = 5, Spill = 7, WriteEmbedded = 8, Last = 10;
    private const int PayloadAt = 4, MagicAt = 8, VersionAt = 16, ObjectSetAt = 32, ToGuidAt = 40, FromGuidAt = 48, NameAt = 56;
    private const ulong HeaderType = 3, Package = 2;
    private const uint Files = 2;

    public bool IsBegin => Type == Begin && U64(MagicAt) == Magic;

    public bool IsEnd => Type == End;

    public bool IsKnown => Type <= Last;

    /// <summary>Of a BEGIN: several streams follow, each with a BEGIN and an END of its own, and an END after them.</summary>
    public bool IsPackage => (U64(VersionAt) & HeaderType) == Package;

    /// <summary>Of a BEGIN: a file system, and not a volume.</summary>
    public bool IsOfFiles => U32(ObjectSetAt) == Files;

    /// <summary>Of a BEGIN: what the receiver has to be able to do.</summary>
    public SendFeatures Features => (SendFeatures)(U64(VersionAt) >> 2 & 0x3fffffff);

    /// <summary>Of a BEGIN: the snapshot's GUID.</summary>
    public ulong ToGuid => U64(ToGuidAt);

    /// <summary>Of a BEGIN: GUID of the snapshot that the stream builds on; 0: on none.</summary>
    public ulong FromGuid => U64(FromGuidAt);

    /// <summary>Of a BEGIN: <c>DATASET@SNAPSHOT</c> where it was sent.</summary>
    public string Name
    {
        get
        {
            var name = Bytes.Span[NameAt..];
            var end = name.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
        }
    }

    /// <summary>Of an END.</summary>
    public (ulong, ulong, ulong, ulong) Checksum => (U64(8), U64(16), U64(24), U64(32));

    /// <summary>Bytes that follow; more than <see cref="MaxPayload"/> in a damaged stream.</summary>
    public ulong Payload => Type switch
    {
        Begin => U32(PayloadAt),
        Object => U32(36) is var raw and > 0 ? raw : Rounded(U32(28)),
        Write => Bytes.Span[50] != 0 ? U64(96) : U64(32),
        Spill => U64(40) is var compressed and > 0 ? compressed : U64(16),
        WriteEmbedded => Rounded(U32(52)),
        _ => 0,
    };

    private uint Type => U32(0);

    /// <summary>The first record of a stream tells its byte order by the magic number.</summary>
    public static SendRecord First(ReadOnlyMemory<byte> bytes) =>
        new(bytes, BinaryPrimitives.ReadUInt64BigEndian(bytes.Span[MagicAt..]) == Magic);

    /// <summary>
    /// BEGIN and END of a package, to be put before streams of which this is the first one's BEGIN.
    /// </summary>
    /// <param name="name">The last snapshot in it.</param>
    /// <param name="properties">A packed <see cref="NvList"/>; none where there is nothing to say.</param>
    public byte[] PackageHead(string name, params ReadOnlySpan<byte> properties)
    {
        var head = new byte[(2 * Length) + properties.Length];
        var begin = head.AsSpan(0, Length);
        Put(begin[PayloadAt..], (uint)properties.Length);
        properties.CopyTo(head.AsSpan(Length));
        Put(begin[MagicAt..], Magic);
        Put(begin[VersionAt..], (U64(VersionAt) & ~HeaderType) | Package);
        Encoding.UTF8.GetBytes(name, begin[NameAt..^1]);
        var sum = new Fletcher4(BigEndian);
        sum.Add(begin);
        sum.Add(properties);
        var end = head.AsSpan(Length + properties.Length);
        Put(end, End);
        (var a, var b, var c, var d) = sum.Sum;
        foreach (var (n, part) in new[] { a, b, c, d }.Index())
        {
            Put(end[(8 * (n + 1))..], part);
        }

        return head;
    }

    /// <summary>Behind the last stream of a package, in this machine's byte order.</summary>
    public static byte[] PackageEnd()
    {
        var end = new byte[Length];
        new SendRecord(end, !BitConverter.IsLittleEndian).Put(end, End);
        return end;
    }

    private static ulong Rounded(uint length) => ((ulong)length + 7) & ~7UL;

    private uint U32(int at) => BigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(Bytes.Span[at..])
        : BinaryPrimitives.ReadUInt32LittleEndian(Bytes.Span[at..]);

    private ulong U64(int at) => BigEndian
        ? BinaryPrimitives.ReadUInt64BigEndian(Bytes.Span[at..])
        : BinaryPrimitives.ReadUInt64LittleEndian(Bytes.Span[at..]);

    private void Put(Span<byte> at, uint value)
    {
        if (BigEndian)
        {
            BinaryPrimitives.WriteUInt32BigEndian(at, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(at, value);
        }
    }

    private void Put(Span<byte> at, ulong value)
    {
        if (BigEndian)
        {
            BinaryPrimitives.WriteUInt64BigEndian(at, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(at, value);
        }
    }
}

/// <summary>Features of a stream that make something else of it than a whole, readable filesystem.</summary>
[Flags]
internal enum SendFeatures
{
    None = 0,

    /// <summary>The rest of one that was broken off.</summary>
    Resuming = 1 << 20,

    /// <summary>Parts are left out.</summary>
    Redacted = 1 << 21,

    /// <summary>Encrypted with a key that the receiver has not.</summary>
    Raw = 1 << 24,
}
