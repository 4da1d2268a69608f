using System.Buffers.Binary;
using System.Text;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Zfs;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>What is read of a send stream that was made by hand, without any ZFS.</summary>
public sealed class SendReaderSpec
{
    private const int Size = SendRecord.Length, Begin = 0, Object = 1, Write = 3, End = 5, Embedded = 8;

    private static CancellationToken Ct => CancellationToken.None;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_snapshot_is_handed_on_as_it_is_in_either_byte_order(bool bigEndian)
    {
        byte[] stream =
        [
            .. BeginOf("pool/dmfs/a@c", bigEndian), .. Of(Object, bigEndian, (28, 5u)), .. new byte[8], .. Of(Write, bigEndian, (32, 700UL)),
            .. new byte[700], .. Of(Embedded, bigEndian, (52, 9u)), .. new byte[16], .. Of(End, bigEndian),
        ];
        var reader = new SendReader(new Dribble(stream));
        Assert.Empty(await reader.Open(Ct));
        var snapshot = await reader.Next(Ct);
        Assert.Equal(("pool/dmfs/a", "c", 7UL, 3UL), (snapshot!.Dataset, snapshot.Name, snapshot.ToGuid, snapshot.FromGuid));
        var read = new MemoryStream();
        await snapshot.CopyToAsync(read);
        Assert.Equal(stream, read.ToArray());
        Assert.Null(await reader.Next(Ct));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_head_that_we_put_before_streams_is_one_that_we_read(bool bigEndian)
    {
        var begin = BeginOf("pool/dmfs/a@c", bigEndian);
        byte[] stream =
        [
            .. SendRecord.First(begin).PackageHead("pool/dmfs/a@d"), .. begin, .. Of(End, bigEndian), .. BeginOf("pool/dmfs/a@d", bigEndian),
            .. Of(End, bigEndian), .. Of(End, bigEndian),
        ];
        var reader = new SendReader(new MemoryStream(stream));
        await reader.Open(Ct);
        foreach (var name in new[] { "c", "d" })
        {
            var snapshot = await reader.Next(Ct);
            Assert.Equal(name, snapshot!.Name);
            await snapshot.CopyToAsync(Stream.Null);
        }

        Assert.Null(await reader.Next(Ct));
    }

    [Theory]
    [InlineData("a volume", 32, 3u, "no file system")]
    [InlineData("encrypted", 16, (1u << 26) | 1, "Raw")]
    [InlineData("the rest of one", 16, (1u << 22) | 1, "Resuming")]
    [InlineData("a package in a package", 16, 2u, "damaged")]
    public async Task What_is_of_no_use_is_refused_before_it_is_received(string what, int at, uint value, string because)
    {
        var begin = BeginOf("pool/dmfs/a@c", false);
        var head = SendRecord.First(begin).PackageHead("pool/dmfs/a@c");
        BinaryPrimitives.WriteUInt32LittleEndian(begin.AsSpan(at), value);
        var reader = new SendReader(new MemoryStream([.. head, .. begin, .. Of(End, false), .. Of(End, false)]));
        await reader.Open(Ct);
        var refusal = await Assert.ThrowsAsync<StorageException>(() => reader.Next(Ct));
        Assert.True(refusal.Failure == StorageFailure.BadStream && refusal.Message.Contains(because, StringComparison.Ordinal), $"{what}: {refusal}");
    }

    [Fact]
    public void Lists_of_properties_that_are_damaged_anywhere_are_refused_or_read_and_nothing_else()
    {
        var packed = Packed();
        var list = NvList.Read(packed);
        Assert.Equal(("v1", "v2"), (list.Texts["a"], list.Lists["n"].Texts["bc"]));
        foreach (var length in Enumerable.Range(0, packed.Length))
        {
            Assert.Throws<InvalidDataException>(() => NvList.Read(packed.AsSpan(0, length)));
        }

        var refused = 0;
        foreach (var bit in Enumerable.Range(0, packed.Length * 8))
        {
            var damaged = packed.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            var failure = Record.Exception(() => NvList.Read(damaged));
            Assert.True(failure is null or InvalidDataException, $"bit {bit}: {failure}");
            refused += failure is null ? 0 : 1;
        }

        Assert.InRange(refused, 1, packed.Length * 8);
    }

    [Fact]
    public void Lists_in_lists_without_end_are_refused()
    {
        var packed = new List<byte>();
        foreach (var _ in Enumerable.Range(0, 10_000))
        {
            packed.AddRange([.. Be(0), .. Be(1), .. Be(0x7fffffff), .. Be(0), .. Text("n"), .. Be(19), .. Be(1)]);
        }

        Assert.Throws<InvalidDataException>(() => NvList.Read([1, 1, 0, 0, .. packed]));
    }

    [Theory]
    [InlineData("io.dotmesh:meta-message", "bQ==", true)]
    [InlineData("io.dotmesh:meta-with:colon", ".", true)]
    [InlineData("io.dotmesh:in-file", "yes", true)]
    [InlineData("io.dotmesh:meta-message", "bQ==\n", false)]
    [InlineData("io.dotmesh:meta-message", "b Q\t==", false)]
    [InlineData("io.dotmesh:meta-message", "no base64", false)]
    [InlineData("io.dotmesh:meta-a=b", "bQ==", false)]
    [InlineData("io.dotmesh:meta-", "bQ==", false)]
    [InlineData("io.dotmesh:meta-1", "bQ==", false)]
    [InlineData("io.dotmesh:receiving", "c1", false)]
    [InlineData("io.dotmesh:owner", "bQ==", false)]
    [InlineData("mountpoint", "/etc", false)]
    public void Only_metadata_is_taken_over_from_properties(string name, string value, bool taken) =>
        Assert.Equal(taken, ZfsProperties.IsMetadata(name, value));

    private static byte[] BeginOf(string name, bool bigEndian)
    {
        var begin = Of(Begin, bigEndian, (8, 0x2F5bacbacUL), (16, 1UL), (32, 2u), (40, 7UL), (48, 3UL));
        Encoding.UTF8.GetBytes(name, begin.AsSpan(56));
        return begin;
    }

    /// <summary>A record with values of 4 (<c>uint</c>) or 8 bytes at these places.</summary>
    private static byte[] Of(uint type, bool bigEndian, params (int At, object Value)[] fields)
    {
        var record = new byte[Size];
        foreach (var (at, value) in fields.Prepend((0, type)))
        {
            var bytes = value is uint small ? BitConverter.GetBytes(small) : BitConverter.GetBytes((ulong)value);
            (bigEndian ? bytes.Reverse() : bytes).ToArray().CopyTo(record, at);
        }

        return record;
    }

    /// <summary><c>{a: "v1", u: 1 (a number), n: {bc: "v2"}}</c>.</summary>
    private static byte[] Packed()
    {
        byte[] Pair(string name, uint type, byte[] value)
        {
            byte[] body = [.. Text(name), .. Be(type), .. Be(1), .. value];
            return [.. Be((uint)(body.Length + 8)), .. Be(0), .. body];
        }

        byte[] List(params byte[][] pairs) => [.. Be(0), .. Be(1), .. pairs.SelectMany(p => p), .. Be(0), .. Be(0)];
        return [1, 1, 0, 0, .. List(Pair("a", 9, Text("v1")), Pair("u", 8, new byte[8]), Pair("n", 19, List(Pair("bc", 9, Text("v2")))))];
    }

    private static byte[] Text(string text) =>
        [.. Be((uint)text.Length), .. Encoding.UTF8.GetBytes(text), .. new byte[(4 - (text.Length % 4)) % 4]];

    private static byte[] Be(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];

    /// <summary>Gives a few bytes at a time, as a network does.</summary>
    private sealed class Dribble(byte[] bytes) : ReadOnlyStream
    {
        private int _at;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var some = bytes.AsMemory(_at, Math.Min(Math.Min(13, buffer.Length), bytes.Length - _at));
            some.CopyTo(buffer);
            _at += some.Length;
            return ValueTask.FromResult(some.Length);
        }
    }
}
