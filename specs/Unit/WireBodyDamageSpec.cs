using System.IO.Compression;
using System.Text;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Bodies that are cut, damaged or made up: none of them looks like a complete stream of other bytes (contract 6.4).</summary>
public sealed class WireBodyDamageSpec
{
    private static readonly byte[] Stream = [.. Enumerable.Range(0, 60).Select(n => (byte)(n * 11))];
    private static readonly CommitProperties[] Commits = [new(new("a"), new([new("message", "m")]))];

    /// <summary>One of each kind of block: stored as this server and Go write it, compressed, and two members.</summary>
    private static readonly string[] AllKinds = ["written", "handmade", "compressed", "members"];

    public static TheoryData<string> Kinds => [.. AllKinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_body_that_is_cut_anywhere_is_not_complete(string kind)
    {
        var body = await Body(kind);
        Assert.Equal("complete", await Outcome(body));
        for (var length = 0; length < body.Length; length++)
        {
            // between two members nobody can tell; the stream would have to
            if (kind != "members" || length != HandmadeGzip.Member(FirstHalf()).Length)
            {
                Assert.Equal((length, "ends too early"), (length, await Outcome(body[..length])));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task No_flipped_bit_makes_other_bytes_of_a_complete_stream(string kind)
    {
        var body = await Body(kind);
        var unnoticed = 0;
        for (var bit = 0; bit < body.Length * 8; bit++)
        {
            body[bit / 8] ^= (byte)(1 << (bit % 8));
            var outcome = await Outcome(body);
            Assert.NotEqual((bit, "other bytes"), (bit, outcome));
            unnoticed += outcome == "complete" ? 1 : 0;
            body[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        // 49 bits of each header mean nothing (time, hints, system), and 5 before each stored block
        Assert.InRange(unnoticed, 49, (2 * 49) + (6 * 5));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task No_changed_byte_makes_other_bytes_of_a_complete_stream(string kind)
    {
        var body = await Body(kind);
        for (var at = 0; at < body.Length; at++)
        {
            var was = body[at];
            foreach (var value in (byte[])[0, 1, 0x1f, 0x8b, 0xff, (byte)~was, (byte)(was + 1), (byte)(was - 1)])
            {
                body[at] = value;
                Assert.NotEqual((at, value, "other bytes"), (at, value, await Outcome(body)));
            }

            body[at] = was;
        }
    }

    [Fact]
    public async Task A_body_that_is_cut_and_damaged_is_not_complete()
    {
        var random = new Random(4);
        foreach (var kind in AllKinds)
        {
            var whole = await Body(kind);
            for (var round = 0; round < 2000; round++)
            {
                var body = whole[..random.Next(whole.Length)];
                if (body.Length > 0)
                {
                    body[random.Next(body.Length)] = (byte)random.Next(256);
                }

                Assert.NotEqual("other bytes", await Outcome(body, half: true));
            }
        }
    }

    [Theory]
    [InlineData("x")]
    [InlineData("\u001f")]
    [InlineData("\0")]
    public async Task Something_after_the_end_is_an_error(string more)
    {
        foreach (var kind in AllKinds)
        {
            byte[] body = [.. await Body(kind), .. Encoding.ASCII.GetBytes(more)];
            Assert.Contains(await Outcome(body), new[] { "something follows", "ends too early" });
        }
    }

    [Fact]
    public async Task After_a_failed_read_the_rest_is_not_read_as_if_nothing_had_happened()
    {
        var body = await Body("written");
        await using var reader = (await WireBody.Open(new MemoryStream(body[..^4]), default)).Value;
        for (var n = 0; n < 3; n++)
        {
            var failure = await Assert.ThrowsAsync<StorageException>(() => reader.Finish(default));
            Assert.Equal(StorageFailure.BadStream, failure.Failure);
        }
    }

    [Fact]
    public async Task A_sender_that_fails_leaves_a_body_without_an_end()
    {
        foreach (var before in new[] { 0, 60, 1 << 20 })
        {
            var output = new MemoryStream();
            await Assert.ThrowsAsync<IOException>(() => WireBody.Write(output, Encoded(), async (to, ct) =>
            {
                await to.WriteAsync(new byte[before], ct);
                throw new IOException("the pool went away");
            }, null, default));
            Assert.Equal("ends too early", await Outcome(output.ToArray()));
        }
    }

    [Fact]
    public async Task Both_ends_can_be_cancelled()
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => WireBody.Write(new MemoryStream(), Encoded(), async (to, ct) =>
        {
            await stop.CancelAsync();
            await to.WriteAsync(new byte[1 << 20], ct);
        }, null, stop.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await WireBody.Open(new NeverStream(), stop.Token));
    }

    [Theory]
    [InlineData("there is no !!END_PRELUDE!! after it", "bnVsbA==")]
    [InlineData("there is no !!END_PRELUDE!! after it", "bnVsbA==!!END_PRELUDE!")]
    [InlineData("there is no !!END_PRELUDE!! after it", "bnVsbA==!!end_prelude!!stream")]
    [InlineData("it is not base64", "bnVsbA=!!END_PRELUDE!!")]
    [InlineData("it is not base64", "{\"SnapshotProperties\":null}!!END_PRELUDE!!")]
    public async Task A_prelude_that_is_none_is_refused(string why, string inside) =>
        Assert.Equal(Unusable(why), (await Open(HandmadeGzip.Member(Encoding.ASCII.GetBytes(inside)))).Refusal);

    [Theory]
    [InlineData("it must be an object, not null", "null")]
    [InlineData("it must be an object, not a list", "[]")]
    [InlineData("SnapshotProperties must be a list or null, not a string", """{"SnapshotProperties":""}""")]
    [InlineData("SnapshotProperties must be a list or null, not an object", """{"SnapshotProperties":{}}""")]
    [InlineData("commit 1: it must be an object, not a number", """{"SnapshotProperties":[1]}""")]
    [InlineData("commit 1: Id must be a string, not missing", """{"SnapshotProperties":[{}]}""")]
    [InlineData("commit 2: Id must be a string, not a number", """{"SnapshotProperties":[{"Id":"a"},{"Id":1}]}""")]
    [InlineData("commit 1: snapshot cannot be empty", """{"SnapshotProperties":[{"Id":""}]}""")]
    [InlineData("commit 1: invalid snapshot name, should match pattern: ^[a-zA-Z0-9_\\-]{1,64}$", """{"SnapshotProperties":[{"Id":"a@b"}]}""")]
    [InlineData("commit 2: a is there twice", """{"SnapshotProperties":[{"Id":"a"},{"Id":"a"}]}""")]
    [InlineData("commit 1: Metadata must be an object, not a list", """{"SnapshotProperties":[{"Id":"a","Metadata":[]}]}""")]
    [InlineData("commit 1: the value of n must be a string, not a boolean", """{"SnapshotProperties":[{"Id":"a","Metadata":{"n":true}}]}""")]
    [InlineData("commit 1: Metadata field names must start with lowercase characters: N", """{"SnapshotProperties":[{"Id":"a","Metadata":{"N":""}}]}""")]
    [InlineData("it holds text that is not UTF-8", """{"SnapshotProperties":[{"Id":"a","Metadata":{"n":"\ud800"}}]}""")]
    public async Task A_prelude_of_other_types_is_refused_with_the_commit(string why, string json) =>
        Assert.Equal(Unusable(why), (await Open(HandmadeGzip.Member(Inside(json)))).Refusal);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("""{"SnapshotProperties":[{"Id":"a","Id":"b"}]}""")]
    [InlineData("""{"SnapshotProperties":[{"Id":"a","Metadata":{"n":"","n":""}}]}""")]
    public async Task A_prelude_that_is_not_JSON_or_says_something_twice_is_refused(string json) => Assert.StartsWith(
        "The prelude of the stream is not usable: it is not valid JSON (",
        (await Open(HandmadeGzip.Member(Inside(json)))).Refusal!.Message,
        StringComparison.Ordinal);

    [Fact]
    public async Task A_prelude_without_end_is_refused_at_16_MiB()
    {
        var inside = new byte[WirePrelude.MostBytes + (1 << 20)];
        inside.AsSpan().Fill((byte)'A');
        Assert.Equal(Unusable($"it has more than {WirePrelude.MostBytes} bytes"), (await Open(HandmadeGzip.Member(inside))).Refusal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("eyJTbmFwc2hvdFByb3BlcnRpZXMiOm51bGx9!!END_PRELUDE!!stream")]
    public async Task A_body_that_is_not_gzip_is_refused(string body) => Assert.StartsWith(
        "The body of the transfer is not usable: ", (await Open(Encoding.ASCII.GetBytes(body))).Refusal!.Message, StringComparison.Ordinal);

    private static Refusal Unusable(string why) => new(RefusalCode.Invalid, $"The prelude of the stream is not usable: {why}.");

    private static Task<Outcome<WireBodyReader>> Open(byte[] body) => WireBody.Open(new MemoryStream(body), default);

    private static byte[] Encoded() => new WirePrelude([.. Commits]).Encode().Value;

    private static byte[] Inside(string json) =>
        [.. Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(json))), .. "!!END_PRELUDE!!"u8, .. Stream];

    private static byte[] FirstHalf() => [.. Encoded(), .. Stream[..20]];

    private static async Task<byte[]> Body(string kind)
    {
        var output = new MemoryStream();
        switch (kind)
        {
            case "written":
                await WireBody.Write(output, Encoded(), async (to, ct) => await to.WriteAsync(Stream, ct), null, default);
                return output.ToArray();
            case "compressed":
                await using (var gzip = new GZipStream(output, CompressionLevel.SmallestSize, leaveOpen: true))
                {
                    await gzip.WriteAsync((byte[])[.. Encoded(), .. Stream]);
                }

                return output.ToArray();
            case "members":
                return [.. HandmadeGzip.Member(FirstHalf()), .. HandmadeGzip.Member(Stream.AsSpan(20), HandmadeGzip.Header.All)];
            default:
                return HandmadeGzip.Member([.. Encoded(), .. Stream], blockBytes: 50);
        }
    }

    /// <summary>What a reader makes of a body: complete with the right bytes, complete with other ones, or why not.</summary>
    /// <param name="half">The first member alone counts as right.</param>
    private static async Task<string> Outcome(byte[] body, bool half = false)
    {
        try
        {
            var opened = await Open(body);
            if (opened.Refused(out var refusal))
            {
                return Why(refusal.Message);
            }

            await using var reader = opened.Value;
            var rest = new MemoryStream();
            await reader.CopyToAsync(rest);
            var right = rest.ToArray().AsSpan().SequenceEqual(Stream) || (half && rest.ToArray().AsSpan().SequenceEqual(Stream.AsSpan(0, 20)));
            return right && reader.Commits is { } commits && commits.SequenceEqual(Commits) ? "complete" : "other bytes";
        }
        catch (StorageException failure) when (failure.Failure == StorageFailure.BadStream)
        {
            return Why(failure.Message);
        }
    }

    private static string Why(string message) =>
        new[] { "ends too early", "something follows", "damaged" }.FirstOrDefault(why => message.Contains(why, StringComparison.Ordinal)) ?? message;

    /// <summary>A peer that says nothing.</summary>
    private sealed class NeverStream : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }
    }
}
