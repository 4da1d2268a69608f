using System.IO.Compression;
using System.Text;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Bodies of the stream endpoints that are sound: what is written is read, and what original servers write too (contract 6.4).</summary>
public sealed class WireBodySpec
{
    private const string OriginalPrelude = """{"SnapshotProperties":null}""";

    private static readonly byte[] Stream = [.. Enumerable.Range(0, 3000).Select(n => (byte)(n * 7))];
    private static readonly CommitProperties[] Commits =
    [
        new(new CommitId("880fb2c4-24db-4d16-5fc4-974d17525450"), new CommitMetadata([new("author", "admin"), new("message", "größer <&\"\n \u2028")])),
        new(new CommitId("my_commit"), CommitMetadata.Empty),
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3000)]
    public async Task What_is_written_is_read(int length)
    {
        var sent = new List<long>();
        var output = new MemoryStream();
        var bytes = await WireBody.Write(
            output, Encoded(Commits), async (to, ct) => await to.WriteAsync(Stream.AsMemory(0, length), ct), sent.Add, default);
        output.Position = 0;
        await using var reader = (await WireBody.Open(output, default)).Value;

        Assert.Equal(Commits, reader.Commits!.Value.AsEnumerable());
        Assert.Equal(Stream[..length], await Rest(reader));
        Assert.Equal((bytes, bytes), (reader.Bytes, sent[^1]));
        Assert.Equal(Encoded(Commits).Length + length, bytes);
    }

    [Fact]
    public async Task A_body_is_what_an_original_server_expects()
    {
        var output = new MemoryStream();
        await WireBody.Write(output, Encoded(null), async (to, ct) => await to.WriteAsync(Stream, ct), null, default);
        var bytes = output.ToArray();

        // stored, not compressed: the stream's bytes are there as they are
        Assert.Equal([0x1f, 0x8b, 8], bytes[..3]);
        Assert.True(bytes.AsSpan().IndexOf(Stream) > 0);
        using var plain = new MemoryStream();
        await new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress).CopyToAsync(plain);
        Assert.Equal(Inside(OriginalPrelude), plain.ToArray());
    }

    [Fact]
    public void A_prelude_has_the_members_that_old_servers_read() => Assert.Equal(
        """{"SnapshotProperties":[{"Id":"a","Metadata":{"message":"m","type":""}},{"Id":"b","Metadata":{}}]}""",
        Encoding.UTF8.GetString(Convert.FromBase64String(Encoding.ASCII.GetString(
            Encoded(new CommitProperties(new("a"), new([new("type", ""), new("message", "m")])), new(new("b"), CommitMetadata.Empty))[..^15]))));

    [Theory]
    [InlineData("""{"SnapshotProperties":null}""", null)]
    [InlineData("""{}""", null)]
    [InlineData("""{"SnapshotProperties":[]}""", "")]
    [InlineData("""{"snapshotproperties":[{"id":"a","metadata":{"message":"m"}}]}""", "{Id:a Metadata:map[message:m]}")]
    [InlineData("""{"SnapshotProperties":[{"Id":"a","Metadata":null},{"Id":"b"}]}""", "{Id:a Metadata:map[]} {Id:b Metadata:map[]}")]
    [InlineData("""{"New":[[{}]],"SnapshotProperties":[{"Id":"a","New":1}]}""", "{Id:a Metadata:map[]}")]
    public async Task A_prelude_is_read_as_servers_of_any_age_write_it(string json, string? commits)
    {
        await using var reader = await Opened(HandmadeGzip.Member(Inside(json)));
        Assert.Equal(commits, reader.Commits is { } read ? string.Join(' ', read) : null);
        Assert.Equal(Stream, await Rest(reader));
    }

    [Theory]
    [InlineData((int)HandmadeGzip.Header.Plain, 65535)]
    [InlineData((int)HandmadeGzip.Header.Plain, 1)]
    [InlineData((int)HandmadeGzip.Header.Checksum, 100)]
    [InlineData((int)HandmadeGzip.Header.Extra, 100)]
    [InlineData((int)HandmadeGzip.Header.Name, 100)]
    [InlineData((int)HandmadeGzip.Header.Comment, 100)]
    [InlineData((int)HandmadeGzip.Header.All, 7)]
    public async Task A_container_is_read_with_every_header_and_size_of_block(int header, int blockBytes)
    {
        await using var reader = await Opened(HandmadeGzip.Member(Inside(OriginalPrelude), (HandmadeGzip.Header)header, blockBytes));
        Assert.Equal(Stream, await Rest(reader));
    }

    [Fact]
    public async Task A_container_may_be_compressed()
    {
        var output = new MemoryStream();
        await using (var gzip = new GZipStream(output, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            await gzip.WriteAsync(Inside(OriginalPrelude));
        }

        await using var reader = await Opened(output.ToArray());
        Assert.Equal(Stream, await Rest(reader));
    }

    [Fact]
    public async Task Several_members_are_one_container_wherever_they_meet()
    {
        var content = Inside(OriginalPrelude)[..80];
        for (var cut = 0; cut <= content.Length; cut++)
        {
            byte[] two = [.. HandmadeGzip.Member(content.AsSpan(0, cut)), .. HandmadeGzip.Member(content.AsSpan(cut), HandmadeGzip.Header.All)];
            await using var reader = await Opened(two);
            Assert.Equal(content[51..], await Rest(reader));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(13)]
    public async Task A_body_that_comes_in_small_pieces_is_read_all_the_same(int pieceBytes)
    {
        var body = HandmadeGzip.Member(Inside(OriginalPrelude));
        await using var reader = (await WireBody.Open(new Pieces(body, pieceBytes), default)).Value;
        Assert.Equal(Stream, await Rest(reader));
    }

    [Fact]
    public async Task The_stream_may_look_like_a_prelude()
    {
        byte[] stream = [.. "!!END_PRELUDE!!"u8, .. Inside(OriginalPrelude)];
        await using var reader = await Opened(HandmadeGzip.Member([.. Inside(OriginalPrelude)[..^Stream.Length], .. stream]));
        Assert.Equal(stream, await Rest(reader));
    }

    [Fact]
    public async Task Whoever_applied_the_stream_makes_sure_of_its_end()
    {
        await using var reader = await Opened(HandmadeGzip.Member(Inside(OriginalPrelude)));
        await reader.ReadExactlyAsync(new byte[Stream.Length - 5]);
        Assert.Equal(5, await reader.Finish(default));
        Assert.Equal(0, await reader.Finish(default));
    }

    [Fact]
    public void Metadata_that_no_reader_would_take_is_refused_before_anything_is_sent()
    {
        var large = new CommitProperties(new("a"), new([new("message", new string('x', WirePrelude.MostBytes * 3 / 4))]));
        Assert.Contains("move fewer commits at once", new WirePrelude([large]).Encode().Refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_large_stream_no_more_than_a_mebibyte_is_held_anywhere()
    {
        const long Length = 256L << 20;
        var piece = new byte[64 * 1024];
        new Random(7).NextBytes(piece);
        var pipe = new System.IO.Pipelines.Pipe();
        var written = 0L;
        async Task Send(Stream to, CancellationToken ct)
        {
            for (long sent = 0; sent < Length; sent += piece.Length)
            {
                await to.WriteAsync(piece, ct);
            }
        }

        var writing = Task.Run(async () =>
        {
            await using var output = pipe.Writer.AsStream();
            return await WireBody.Write(output, Encoded(Commits), Send, bytes => Volatile.Write(ref written, bytes), default);
        });
        await using var reader = (await WireBody.Open(pipe.Reader.AsStream(), default)).Value;
        var (read, held) = (new byte[piece.Length], 0L);
        for (long got = 0; got < Length; got += read.Length)
        {
            await reader.ReadExactlyAsync(read);
            Assert.True(read.AsSpan().SequenceEqual(piece));
            held = Math.Max(held, Volatile.Read(ref written) - reader.Bytes);
        }

        Assert.Equal(0, await reader.Finish(default));
        Assert.Equal(reader.Bytes, await writing);
        Assert.InRange(held, 0, 1 << 20);
    }

    private static byte[] Encoded(params CommitProperties[]? commits) => new WirePrelude(commits is null ? null : [.. commits]).Encode().Value;

    /// <summary>Prelude and stream, as they are in the container.</summary>
    private static byte[] Inside(string json) =>
        [.. Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(json))), .. "!!END_PRELUDE!!"u8, .. Stream];

    private static async Task<WireBodyReader> Opened(byte[] body) => (await WireBody.Open(new MemoryStream(body), default)).Value;

    private static async Task<byte[]> Rest(WireBodyReader reader)
    {
        var rest = new MemoryStream();
        await reader.CopyToAsync(rest);
        return rest.ToArray();
    }

    /// <summary>A network that brings a few bytes at a time.</summary>
    private sealed class Pieces(byte[] body, int pieceBytes) : ReadOnlyStream
    {
        private int _at;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = Math.Min(Math.Min(pieceBytes, buffer.Length), body.Length - _at);
            body.AsMemory(_at, count).CopyTo(buffer);
            _at += count;
            return ValueTask.FromResult(count);
        }
    }
}
