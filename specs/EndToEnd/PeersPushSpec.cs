using System.IO.Compression;
using System.Text;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.Peers;
using Dotmesh.Specs.Support;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Streams to another cluster, and how they end when something goes wrong (contract 6.4).</summary>
public sealed class PeersPushSpec : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(30);

    private readonly PeerClient _client = new();
    private readonly TaskCompletionSource<string> _received = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_push_arrives_as_it_was_written_and_the_answer_is_told()
    {
        await using var stub = await PeerStub.Streaming(async context =>
        {
            await Receive(context);
            await context.Response.WriteAsync("received\n");
        });
        var outcome = await (await _client.Peer(stub)).Push("t1", PeerClient.FromOrigin, "dotmesh-zfs-1", Write, default);
        Assert.Equal(new PushAnswer(200, "received"), outcome.Value);
        Assert.Equal($"{100_003} bytes", await _received.Task);
        Assert.Equal(
            $"POST /filesystems/{PeerClient.Branch}/{PeerClient.Master}@c1/b1 HTTP/1.1\nAuthorization: Basic {PeerClient.Basic}\n"
            + "Dotmesh-Stream: dotmesh-zfs-1\nDotmesh-Transfer: t1\nTransfer-Encoding: chunked\nExpect: 100-continue",
            stub.Seen.Last());

        static async Task Write(Stream body, CancellationToken ct)
        {
            await body.WriteAsync(new byte[3], ct);
            await body.WriteAsync(new byte[100_000], ct);
        }
    }

    [Fact]
    public async Task A_push_whose_writer_fails_is_seen_as_incomplete_by_the_peer_and_the_failure_comes_out()
    {
        await using var stub = await PeerStub.Streaming(Receive);
        var damaged = new StorageException(StorageFailure.Unexpected, "zfs send failed");
        var peer = await _client.Peer(stub);
        var thrown = await Assert.ThrowsAsync<StorageException>(() => peer.Push("t1", PeerClient.Whole, "zfs-send", Write, default));
        Assert.Same(damaged, thrown);
        Assert.StartsWith("broken off", await _received.Task.WaitAsync(Patient), StringComparison.Ordinal);

        async Task Write(Stream body, CancellationToken ct)
        {
            await body.WriteAsync(new byte[10_000], ct);
            await body.FlushAsync(ct);
            throw damaged;
        }
    }

    [Fact]
    public async Task A_push_that_is_refused_at_once_is_not_written_at_all()
    {
        await using var stub = await PeerStub.Streaming(context =>
        {
            context.Response.StatusCode = 404;
            return context.Response.WriteAsync("Can't find state of filesystem x.\n");
        });
        var outcome = await (await _client.Peer(stub)).Push("t1", PeerClient.Whole, "zfs-send", (_, _) => throw new InvalidOperationException("written"), default);
        Assert.Equal(new PushAnswer(404, "Can't find state of filesystem x."), outcome.Value);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_push_that_is_refused_in_the_middle_is_told_why(bool sealedOff)
    {
        using var certificates = new CertificateFolder();
        using var certificate = certificates.Node();
        await using var server = new ClosingServer(
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 19\r\n\r\nUnable to receive x", sealedOff ? certificate : null);
        using var client = new PeerClient(settings: new PeerHttpSettings { CaFile = certificates.CaFile });
        var outcome = await (await client.Reach(server.Port)).Value.Push("t1", PeerClient.Whole, "zfs-send", Endless, default);
        Assert.Equal(new PushAnswer(400, "Unable to receive x"), outcome.Value);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("")]
    public async Task A_peer_that_took_half_of_it_has_taken_nothing_whatever_it_says(string answer)
    {
        await using var server = new ClosingServer(answer, null);
        var outcome = await (await _client.Reach(server.Port)).Value.Push("t1", PeerClient.Whole, "zfs-send", Endless, default);
        Assert.Contains("broke off", PeerClient.Refused(outcome, RefusalCode.Unavailable), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_more_is_given_up()
    {
        await using var stub = await PeerStub.Streaming(async context =>
        {
            await context.Request.Body.ReadExactlyAsync(new byte[10_000]);
            await PeerStub.Gone(context);
        });
        using var client = new PeerClient(new PeerLimits { PushStall = Soon });
        Exception? seen = null;
        var outcome = await (await client.Peer(stub)).Push("t1", PeerClient.Whole, "zfs-send", Write, default);
        Assert.Contains("no byte was taken for 0.3 s", PeerClient.Refused(outcome, RefusalCode.Unavailable), StringComparison.Ordinal);
        Assert.IsAssignableFrom<IOException>(seen);

        async Task Write(Stream body, CancellationToken ct)
        {
            try
            {
                await Endless(body, ct);
            }
            catch (Exception failure)
            {
                seen = failure;
                throw;
            }
        }
    }

    [Fact]
    public async Task A_writer_that_has_nothing_more_is_given_up_too()
    {
        await using var stub = await PeerStub.Streaming(Receive);
        using var client = new PeerClient(new PeerLimits { PushStall = Soon });
        var peer = await client.Peer(stub);
        var outcome = await peer.Push(
            "t1", PeerClient.Whole, "zfs-send", (_, ct) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct), default);
        Assert.Contains("no byte to send for 0.3 s", PeerClient.Refused(outcome, RefusalCode.Unavailable), StringComparison.Ordinal);
        Assert.StartsWith("broken off", await _received.Task.WaitAsync(Patient), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_that_has_it_all_and_does_not_say_so_is_given_up_later()
    {
        await using var stub = await PeerStub.Streaming(async context =>
        {
            await Receive(context);
            await PeerStub.Gone(context);
        });
        using var client = new PeerClient(new PeerLimits { PushAnswer = Soon });
        var outcome = await (await client.Peer(stub)).Push("t1", PeerClient.Whole, "zfs-send", (_, _) => Task.CompletedTask, default);
        Assert.Contains(
            "no answer within 0.3 s after the last byte", PeerClient.Refused(outcome, RefusalCode.Unavailable), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_push_that_is_called_off_ends_with_its_writer_and_the_peer_sees_it()
    {
        await using var stub = await PeerStub.Streaming(Receive);
        var peer = await _client.Peer(stub);
        using var stop = new CancellationTokenSource();
        var ended = false;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => peer.Push("t1", PeerClient.Whole, "zfs-send", Write, stop.Token));
        Assert.True(ended);
        Assert.StartsWith("broken off", await _received.Task.WaitAsync(Patient), StringComparison.Ordinal);

        async Task Write(Stream body, CancellationToken ct)
        {
            try
            {
                await body.WriteAsync(new byte[10_000], ct);
                await stop.CancelAsync();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            }
            finally
            {
                ended = true;
            }
        }
    }

    [Fact]
    public async Task The_zipped_answer_of_a_node_that_passed_the_push_on_is_read()
    {
        await using var stub = await PeerStub.Streaming(async context =>
        {
            await Receive(context);
            context.Response.StatusCode = 400;
            await using var zipped = new GZipStream(context.Response.Body, CompressionLevel.Fastest);
            await zipped.WriteAsync(Encoding.UTF8.GetBytes("Unable to receive x"));
        });
        var outcome = await (await _client.Peer(stub)).Push("t1", PeerClient.Whole, "zfs-send", (_, _) => Task.CompletedTask, default);
        Assert.Equal(new PushAnswer(400, "Unable to receive x"), outcome.Value);
    }

    public void Dispose() => _client.Dispose();

    private static async Task Endless(Stream body, CancellationToken ct)
    {
        var block = new byte[100_000];
        while (true)
        {
            await body.WriteAsync(block, ct);
        }
    }

    private async Task Receive(HttpContext context)
    {
        try
        {
            var buffer = new byte[8192];
            var bytes = 0;
            for (int count; (count = await context.Request.Body.ReadAsync(buffer)) > 0;)
            {
                bytes += count;
            }

            _received.TrySetResult($"{bytes} bytes");
        }
        catch (Exception failure) when (failure is IOException or BadHttpRequestException or OperationCanceledException)
        {
            _received.TrySetResult($"broken off: {failure.Message}");
        }
    }
}
