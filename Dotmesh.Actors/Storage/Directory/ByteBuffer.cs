using System.Buffers.Binary;
using System.Numerics;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Bytes in the making: little-endian, integers in 7-bit groups.</summary>
internal sealed class ByteBuffer(int capacity = 256)
{
    private byte[] _bytes = new byte[capacity];

    internal int Length { get; private set; }

    internal ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    internal ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, Length);

    internal void Clear() => Length = 0;

    internal void Byte(byte value) => Take(1)[0] = value;

    internal void Fixed32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    internal void Fixed64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    internal void Number(ulong value)
    {
        if (_bytes.Length - Length < 10)
        {
            Grow(10);
        }

        while (value >= 0x80)
        {
            _bytes[Length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _bytes[Length++] = (byte)value;
    }

    internal void Signed(long value) => Number(((ulong)value << 1) ^ (ulong)(value >> 63));

    internal void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    internal void Block(ReadOnlySpan<byte> value)
    {
        Number((ulong)value.Length);
        Raw(value);
    }

    private Span<byte> Take(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Grow(count);
        }

        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }

    private void Grow(int count) => Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
}

/// <summary>Reads what <see cref="ByteBuffer"/> wrote; anything that does not fit is an <see cref="InvalidDataException"/>.</summary>
internal ref struct ByteReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    internal readonly bool AtEnd => _rest.IsEmpty;

    internal readonly int Left => _rest.Length;

    internal byte Byte() => Raw(1)[0];

    internal uint Fixed32() => BinaryPrimitives.ReadUInt32LittleEndian(Raw(4));

    internal ulong Fixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Raw(8));

    internal ulong Number()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = Byte();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("a number is too long");
    }

    internal int Count(int limit)
    {
        var value = Number();
        return value <= (ulong)limit ? (int)value : throw new InvalidDataException("a count is out of bounds");
    }

    internal long Signed()
    {
        var value = Number();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    internal ReadOnlySpan<byte> Raw(int count)
    {
        if (count > _rest.Length)
        {
            throw new InvalidDataException("ends too early");
        }

        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    internal ReadOnlySpan<byte> Block() => Raw(Count(_rest.Length));
}

internal static class Checksum
{
    internal static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        foreach (var b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return ~crc;
    }
}
