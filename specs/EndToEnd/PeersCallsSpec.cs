using System.Text;
using Dotmesh.Actors;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.Peers;
using Dotmesh.Specs.Support;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Answers of another cluster that are none, or do not come, and what it refuses.</summary>
public sealed class PeersCallsSpec : IDisposable
{
    private readonly PeerClient _client = new();

    public static TheoryData<string> Malformed => new()
    {
        "", "null", "[]", "7", "{", "{\"result\":", "{\"result\":{\"a\":1,\"a\":2}}", "<html>502</html>", "{\"result\":\"\\ud800\"}",
        PeerStub.Result("7.5"), PeerStub.Result("-1"), PeerStub.Result("[7]"), PeerStub.Result("[null]"), PeerStub.Result("\"../../etc\""),
        PeerStub.Result("{\"DirtyBytes\":-1}"), PeerStub.Result("{\"DirtyBytes\":\"1\"}"), PeerStub.Result("{\"Id\":7}"),
        PeerStub.Result("[{\"Id\":\"a/b\"}]"), PeerStub.Result("[{\"Id\":\"c\"},{\"Id\":\"c\"}]"), PeerStub.Result("[{\"Name\":7}]"),
        PeerStub.Result("[{\"Id\":\"c\",\"Metadata\":{\"Upper\":\"x\"}}]"), PeerStub.Result("[{\"Id\":\"c\",\"Metadata\":{\"a\":null}}]"),
        PeerStub.Result(new string('[', 100) + new string(']', 100)),
        PeerStub.Result("{\"TopLevelFilesystemName\":null}"), PeerStub.Result("{\"TopLevelFilesystemName\":{},\"Clones\":[{\"Name\":\"b\"}]}"),
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task Answers_that_are_no_answers_are_refused_with_who_gave_them_to_what(string reply)
    {
        await using var stub = await PeerStub.Answering(reply);
        var peer = await _client.Peer(stub);
        foreach (var (method, ask) in Readings(peer))
        {
            var text = PeerClient.Refused(await ask(), RefusalCode.Invalid);
            Assert.StartsWith($"The answer of {peer.Url} to DotmeshRPC.{method} is not usable: ", text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("{\"code\":-32000,\"message\":\"No such filesystem named 'a/b'\",\"data\":null}", RefusalCode.Conflict, "No such filesystem named 'a/b'")]
    [InlineData("{\"code\":-32000,\"message\":\"x\",\"data\":{\"requestId\":\"1\",\"code\":\"notFound\"}}", RefusalCode.NotFound, "x")]
    [InlineData("{\"code\":-32000,\"message\":\"x\",\"data\":{\"code\":\"unavailable\"}}", RefusalCode.Unavailable, "x")]
    [InlineData("{\"code\":-32600,\"message\":\"json: cannot unmarshal\",\"data\":[1]}", RefusalCode.Invalid, "json: cannot unmarshal")]
    [InlineData("{\"code\":-32000,\"message\":\"rpc: can't find method \\\"DotmeshRPC.Exists\\\"\"}", RefusalCode.Invalid, "rpc: can't find method \"DotmeshRPC.Exists\"")]
    [InlineData("\"text\"", RefusalCode.Conflict, "text")]
    [InlineData("{}", RefusalCode.Conflict, "an error without a message")]
    public async Task What_a_peer_refuses_is_refused_in_its_own_words(string error, RefusalCode code, string text)
    {
        await using var stub = await PeerStub.Answering($"{{\"jsonrpc\":\"2.0\",\"error\":{error},\"id\":2}}");
        var peer = await _client.Peer(stub);
        Assert.Equal(text, PeerClient.Refused(await peer.Exists("a", "b", "", default), code));
    }

    [Theory]
    [InlineData("-32000")]
    [InlineData("-32601")]
    public async Task A_peer_that_does_not_know_of_formats_has_that_of_zfs(string code)
    {
        await using var stub = await PeerStub.Answering(
            $"{{\"jsonrpc\":\"2.0\",\"error\":{{\"code\":{code},\"message\":\"rpc: can't find method \\\"DotmeshRPC.StreamFormats\\\"\",\"data\":null}},\"id\":2}}");
        var peer = await _client.Peer(stub);
        Assert.Equal(StreamFormats.ZfsSend, Assert.Single((await peer.Formats(default)).Value));
    }

    [Fact]
    public async Task A_peer_that_shows_the_key_in_an_error_is_quoted_without_it_and_no_longer_than_4_KiB()
    {
        await using var stub = await PeerStub.Answering(
            $"{{\"error\":{{\"message\":\"{PeerClient.Key} Basic {PeerClient.Basic} {new string('\u00e9', 10_000)}\"}}}}");
        var peer = await _client.Peer(stub);
        var text = PeerClient.Refused(await peer.Exists("a", "b", "", default), RefusalCode.Conflict);
        Assert.StartsWith("<redacted> Basic <redacted> \u00e9", text, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(text), 4000, PeerLimits.MostTextBytes);
    }

    [Fact]
    public async Task A_peer_that_floods_is_cut_off_at_the_limit_of_the_method()
    {
        var cutOff = 0;
        await using var stub = await PeerStub.Start(async context =>
        {
            if (await IsPing(context))
            {
                return;
            }

            // it would never end by itself: on a connection that is gone a write succeeds at once, and says that it went nowhere
            var spaces = Encoding.ASCII.GetBytes(new string(' ', 10_000));
            try
            {
                while (await context.Response.BodyWriter.WriteAsync(spaces, context.RequestAborted) is { IsCompleted: false, IsCanceled: false })
                {
                }
            }
            finally
            {
                Interlocked.Increment(ref cutOff);
            }
        });
        using var client = new PeerClient(new PeerLimits { MostReplyBytes = 100_000, MostCommitsBytes = 200_000 });
        var peer = await client.Peer(stub);
        Assert.Equal(
            $"The answer of {peer.Url} to DotmeshRPC.Exists is not usable: it has more than 100000 bytes.",
            PeerClient.Refused(await peer.Exists("a", "b", "", default), RefusalCode.Invalid));
        Assert.EndsWith(
            "more than 200000 bytes.", PeerClient.Refused(await peer.Commits(PeerClient.Master, default), RefusalCode.Invalid), StringComparison.Ordinal);
        await Eventually.True(() => Volatile.Read(ref cutOff) == 2);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"result\":")]
    public async Task A_peer_that_does_not_come_to_an_end_is_not_waited_for(string begun)
    {
        await using var stub = await PeerStub.Start(async context =>
        {
            if (!await IsPing(context))
            {
                await context.Response.WriteAsync(begun);
                await context.Response.Body.FlushAsync();
                await PeerStub.Gone(context);
            }
        });
        using var client = new PeerClient(new PeerLimits { Call = TimeSpan.FromMilliseconds(200) });
        var peer = await client.Peer(stub);
        Assert.Equal(
            $"{peer.Url}: DotmeshRPC.Exists was not answered within 0.2 s",
            PeerClient.Refused(await peer.Exists("a", "b", "", default), RefusalCode.Unavailable));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => peer.Commit("a", "b", "", "m", stop.Token));
    }

    [Theory]
    [InlineData(502, "<html>bad gateway</html>", RefusalCode.Unavailable)]
    [InlineData(415, "rpc: unrecognized Content-Type: ", RefusalCode.Invalid)]
    public async Task Another_status_is_told_with_what_was_said(int status, string body, RefusalCode code)
    {
        await using var stub = await PeerStub.Start(async context =>
        {
            if (!await IsPing(context))
            {
                context.Response.StatusCode = status;
                await context.Response.WriteAsync(body);
            }
        });
        var peer = await _client.Peer(stub);
        Assert.Equal(
            $"{peer.Url} answered DotmeshRPC.Get with status {status}: {body}",
            PeerClient.Refused(await peer.DirtyBytes(PeerClient.Master, default), code));
    }

    [Fact]
    public async Task An_answer_that_is_cut_and_a_peer_that_is_gone_are_worth_another_try()
    {
        IPeer peer;
        await using (var stub = await PeerStub.Start(async context =>
        {
            if (!await IsPing(context))
            {
                await context.Response.WriteAsync("{\"jsonrpc\":\"2.0\",");
                await context.Response.Body.FlushAsync();
                context.Abort();
            }
        }))
        {
            peer = await _client.Peer(stub);
            PeerClient.Refused(await peer.Exists("a", "b", "", default), RefusalCode.Unavailable);
        }

        Assert.Equal($"{peer.Url}: Connection refused", PeerClient.Refused(await peer.Exists("a", "b", "", default), RefusalCode.Unavailable));
    }

    public void Dispose() => _client.Dispose();

    private static (string Method, Func<Task<Outcome<string>>> Ask)[] Readings(IPeer peer) =>
    [
        ("Exists", async () => Text(await peer.Exists("a", "b", "", default))),
        ("DeducePathToTopLevelFilesystem", async () => Text(await peer.Path("a", "b", "", default))),
        ("CommitsById", async () => Text(await peer.Commits(PeerClient.Master, default))),
        ("Get", async () => Text(await peer.DirtyBytes(PeerClient.Master, default))),
        ("ContainersById", async () => Text(await peer.Containers(PeerClient.Master, default))),
        ("PredictSize", async () => Text(await peer.PredictSize(PeerClient.Whole, default))),
        ("ResumePoint", async () => Text(await peer.ResumePoint(PeerClient.Whole, default))),
        ("StreamFormats", async () => Text(await peer.Formats(default))),
    ];

    private static Outcome<string> Text<T>(Outcome<T> outcome) => outcome.Then<string>(value => $"{value}");

    private static async Task<bool> IsPing(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var ping = (await reader.ReadToEndAsync()).Contains("DotmeshRPC.Ping", StringComparison.Ordinal);
        if (ping)
        {
            await context.Response.WriteAsync(PeerStub.Result("true"));
        }

        return ping;
    }
}
