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

/// <summary>Streams from and to another cluster, and how they end when something goes wrong (contract 6.4).</summary>
public sealed class PeersStreamsSpec : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(30);

    private readonly PeerClient _client = new();
    private readonly TaskCompletionSource<string> _received = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_pull_asks_for_a_range_in_a_format_and_is_told_which_it_gets()
    {
        await using var stub = await Peer(async context =>
        {
            context.Response.Headers[StreamFormats.Header] = context.Request.Headers[StreamFormats.Header];
            await context.Response.WriteAsync("body");
        });
        var peer = await _client.Peer(stub);
        foreach (var (range, path) in new[]
        {
            (PeerClient.Whole, $"{PeerClient.Master}/START/c2"),
            (PeerClient.Further, $"{PeerClient.Master}/c1/c2"),
            (PeerClient.FromOrigin, $"{PeerClient.Branch}/{PeerClient.Master}@c1/b1"),
        })
        {
            Assert.Equal("dotmesh-zfs-1: body", await Pulled(peer, range, "dotmesh-zfs-1"));
            Assert.Equal(
                $"GET /filesystems/{path} HTTP/1.1\nAuthorization: Basic {PeerClient.Basic}\nDotmesh-Stream: dotmesh-zfs-1", stub.Seen.Last());
        }
    }

    [Fact]
    public async Task A_stream_that_nothing_is_said_of_is_that_of_zfs_and_its_gzip_is_left_as_it_is()
    {
        await using var stub = await Peer(context =>
        {
            context.Response.Headers.ContentEncoding = "gzip";
            return context.Response.WriteAsync("not unzipped");
        });
        Assert.Equal("zfs-send: not unzipped", await Pulled(await _client.Peer(stub), PeerClient.Whole, "zfs-send"));
    }

    [Theory]
    [InlineData(500, RefusalCode.Unavailable)]
    [InlineData(404, RefusalCode.NotFound)]
    [InlineData(400, RefusalCode.Invalid)]
    public async Task A_pull_that_is_refused_is_told_with_status_and_text(int status, RefusalCode code)
    {
        await using var stub = await Peer(context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync($"master node for filesystem {PeerClient.Master} not found\n{new string('x', 10_000)}");
        });
        var peer = await _client.Peer(stub);
        var text = PeerClient.Refused(await peer.Pull(PeerClient.Whole, "zfs-send", Never, default), code);
        Assert.StartsWith(
            $"{peer.Url} answered GET /filesystems/{PeerClient.Master}/START/c2 with status {status}: master node for filesystem {PeerClient.Master} not found",
            text,
            StringComparison.Ordinal);
        Assert.InRange(text.Length, 4096, 4500);
    }

    [Fact]
    public async Task A_format_that_is_no_name_is_not_believed()
    {
        await using var stub = await Peer(context =>
        {
            context.Response.Headers[StreamFormats.Header] = "a b";
            return context.Response.WriteAsync("body");
        });
        PeerClient.Refused(await (await _client.Peer(stub)).Pull(PeerClient.Whole, "zfs-send", Never, default), RefusalCode.Invalid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pull_that_is_cut_fails_for_who_reads_and_is_worth_another_try(bool misread)
    {
        await using var stub = await Peer(async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            await _received.Task;
            context.Abort();
        });
        Exception? seen = null;
        var outcome = await (await _client.Peer(stub)).Pull(PeerClient.Whole, "zfs-send", Read, default);
        Assert.Contains("broke off", PeerClient.Refused(outcome, RefusalCode.Unavailable), StringComparison.Ordinal);
        Assert.IsAssignableFrom<IOException>(seen);

        async Task Read(Stream body, string format, CancellationToken ct)
        {
            try
            {
                await body.ReadExactlyAsync(new byte[4], ct);
                _received.SetResult("");
                await body.ReadExactlyAsync(new byte[1], ct);
            }
            catch (Exception failure)
            {
                seen = failure;
                throw misread ? new StorageException(StorageFailure.Unexpected, "the stream is damaged") : failure;
            }
        }
    }

    [Fact]
    public async Task A_pull_of_which_nothing_more_comes_is_given_up()
    {
        await using var stub = await Peer(async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            await Gone(context);
        });
        using var client = new PeerClient(new PeerLimits { PullStall = Soon });
        var outcome = await (await client.Peer(stub)).Pull(PeerClient.Whole, "zfs-send", (body, _, ct) => body.CopyToAsync(Stream.Null, ct), default);
        Assert.Contains("no byte came", PeerClient.Refused(outcome, RefusalCode.Unavailable), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pull_that_does_not_begin_is_given_up()
    {
        await using var stub = await Peer(Gone);
        using var client = new PeerClient(new PeerLimits { Ready = Soon });
        var peer = await client.Peer(stub);
        Assert.Contains(
            "was not answered within 0.3 s",
            PeerClient.Refused(await peer.Pull(PeerClient.Whole, "zfs-send", Never, default), RefusalCode.Unavailable),
            StringComparison.Ordinal);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => peer.Pull(PeerClient.Whole, "zfs-send", Never, stop.Token));
    }

    [Fact]
    public async Task A_readers_own_failure_comes_out_as_it_was()
    {
        await using var stub = await Peer(context => context.Response.WriteAsync("body"));
        var full = new IOException("the disk is full");
        var peer = await _client.Peer(stub);
        Assert.Same(full, await Assert.ThrowsAsync<IOException>(() => peer.Pull(PeerClient.Whole, "zfs-send", (_, _, _) => throw full, default)));
    }

    [Fact]
    public async Task A_push_arrives_as_it_was_written_and_the_answer_is_told()
    {
        await using var stub = await Peer(async context =>
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
        await using var stub = await Peer(Receive);
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
        await using var stub = await Peer(context =>
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
        await using var stub = await Peer(async context =>
        {
            await context.Request.Body.ReadExactlyAsync(new byte[10_000]);
            await Gone(context);
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
        await using var stub = await Peer(Receive);
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
        await using var stub = await Peer(async context =>
        {
            await Receive(context);
            await Gone(context);
        });
        using var client = new PeerClient(new PeerLimits { PushAnswer = Soon });
        var outcome = await (await client.Peer(stub)).Push("t1", PeerClient.Whole, "zfs-send", (_, _) => Task.CompletedTask, default);
        Assert.Contains(
            "no answer within 0.3 s after the last byte", PeerClient.Refused(outcome, RefusalCode.Unavailable), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_push_that_is_called_off_ends_with_its_writer_and_the_peer_sees_it()
    {
        await using var stub = await Peer(Receive);
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
        await using var stub = await Peer(async context =>
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

    private static Task<PeerStub> Peer(RequestDelegate stream) =>
        PeerStub.Start(context => context.Request.Path == "/rpc" ? context.Response.WriteAsync(PeerStub.Result("true")) : stream(context));

    private static async Task<string> Pulled(IPeer peer, StreamRange range, string format)
    {
        var told = "";
        var outcome = await peer.Pull(range, format, Read, default);
        Assert.Null(outcome.Refusal);
        return told;

        async Task Read(Stream body, string named, CancellationToken ct)
        {
            using var reader = new StreamReader(body);
            told = $"{named}: {await reader.ReadToEndAsync(ct)}";
        }
    }

    private static Task Never(Stream body, string format, CancellationToken ct) => throw new InvalidOperationException("there is nothing to read");

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

    /// <summary>Says nothing until the other side goes away.</summary>
    private static async Task Gone(HttpContext context)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = context.RequestAborted.Register(() => gone.TrySetResult());
        await gone.Task;
    }
}
