using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.Peers;
using Dotmesh.Specs.Support;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Streams from another cluster, and how they end when something goes wrong (contract 6.4).</summary>
public sealed class PeersPullSpec : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);

    private readonly PeerClient _client = new();
    private readonly TaskCompletionSource _read = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_pull_asks_for_a_range_in_a_format_and_is_told_which_it_gets()
    {
        await using var stub = await PeerStub.Streaming(async context =>
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
        await using var stub = await PeerStub.Streaming(context =>
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
        await using var stub = await PeerStub.Streaming(context =>
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
        await using var stub = await PeerStub.Streaming(context =>
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
        await using var stub = await PeerStub.Streaming(async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            await _read.Task;
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
                _read.SetResult();
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
        await using var stub = await PeerStub.Streaming(async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            await PeerStub.Gone(context);
        });
        using var client = new PeerClient(new PeerLimits { PullStall = Soon });
        var outcome = await (await client.Peer(stub)).Pull(PeerClient.Whole, "zfs-send", (body, _, ct) => body.CopyToAsync(Stream.Null, ct), default);
        Assert.Contains("no byte came", PeerClient.Refused(outcome, RefusalCode.Unavailable), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pull_that_does_not_begin_is_given_up()
    {
        await using var stub = await PeerStub.Streaming(PeerStub.Gone);
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
        await using var stub = await PeerStub.Streaming(context => context.Response.WriteAsync("body"));
        var full = new IOException("the disk is full");
        var peer = await _client.Peer(stub);
        Assert.Same(full, await Assert.ThrowsAsync<IOException>(() => peer.Pull(PeerClient.Whole, "zfs-send", (_, _, _) => throw full, default)));
    }

    public void Dispose() => _client.Dispose();

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
}
