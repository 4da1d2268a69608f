using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>A transfer as something that is listed, ended, repeated, and gone on with after a death.</summary>
public sealed class TransferControlSpec() : TwoNodesSpec(onPools: false, ("DOTMESH__TRANSFERS__ATONCE", "1"))
{
    private const int Large = 1 << 20;
    private const int Slow = 300_000;

    [Fact]
    public async Task A_transfer_that_is_cancelled_leaves_nothing_there_is_listed_and_comes_to_its_end_when_it_is_retried()
    {
        await LargeDot(Here, "data");
        var id = await Here.Begin("push", There, "data", "data", bytesPerSecond: Slow);
        await Here.Moving(id);
        Assert.Contains(id, (await Listed(new { Running = true })).Select(entry => (string?)entry["TransferRequestId"]));

        Assert.True((bool)(await Here.Rpc().Call("CancelTransfer", new { TransferId = id }))!);

        Assert.Equal("Cancelled by admin.", Side.Failed(await Here.Over(id)));
        Assert.Empty(await Listed(new { Running = true }));
        Assert.Empty(await There.IdOf("data"));
        Assert.Empty(await Listed(new { Namespace = "admin", Name = "other" }));
        Assert.Empty(await Listed(new { Direction = "pull" }));

        Assert.True((bool)(await Here.Rpc().Call("RetryTransfer", new { TransferId = id }))!);
        Side.Finished(await Here.Over(id));
        Assert.Equal(["large"], await There.Log("data"));
        Assert.Equal(Side.Files(await Here.Procure("data")), Side.Files(await There.Procure("data")));
        Assert.Contains("is finished", (await Assert.ThrowsAsync<RpcErrorException>(() => Here.Rpc().Call("RetryTransfer", new { TransferId = id }))).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_push_goes_on_by_itself_after_its_own_node_was_killed_and_one_to_a_peer_that_was_killed_is_tried_again()
    {
        await LargeDot(Here, "data");
        var mine = await Here.Begin("push", There, "data", "data", bytesPerSecond: Slow);
        await Here.Moving(mine);
        await Nodes.KillAndStart(0);
        Side.Finished(await Here.Over(mine));
        Assert.Equal(Side.Files(await Here.Procure("data")), Side.Files(await There.Procure("data")));

        await LargeDot(Here, "more");
        var theirs = await Here.Begin("push", There, "more", "more", bytesPerSecond: Slow);
        await Here.Moving(theirs);
        await Nodes.KillAndStart(1);
        Side.Finished(await OverOrRetried(theirs));
        Assert.Equal(Side.Files(await Here.Procure("more")), Side.Files(await There.Procure("more")));
    }

    [Fact]
    public async Task A_clone_goes_on_by_itself_after_either_node_was_killed()
    {
        foreach (var killed in new[] { 0, 1 })
        {
            await LargeDot(There, $"data{killed}");
            var id = await Here.Begin("pull", There, $"data{killed}", $"data{killed}", bytesPerSecond: Slow);
            await Here.Moving(id);
            await Nodes.KillAndStart(killed);
            Side.Finished(await OverOrRetried(id));
            Assert.Equal(Side.Files(await There.Procure($"data{killed}")), Side.Files(await Here.Procure($"data{killed}")));
        }
    }

    [Fact]
    public async Task Clusters_that_push_to_each_other_one_stream_at_a_time_do_not_wait_for_each_other()
    {
        await LargeDot(Here, "ours");
        await LargeDot(There, "theirs");
        var (there, here) = (
            await Here.Begin("push", There, "ours", "ours", bytesPerSecond: Slow), await There.Begin("push", Here, "theirs", "theirs", bytesPerSecond: Slow));

        Side.Finished(await Here.Over(there));
        Side.Finished(await There.Over(here));
    }

    [Fact]
    public async Task A_peer_that_never_comes_back_ends_the_transfer_with_an_error_that_names_it()
    {
        await LargeDot(Here, "data");
        var id = await Here.Begin("push", There, "data", "data", bytesPerSecond: Slow);
        await Here.Moving(id);
        await There.Nodes[0].Kill9();

        Assert.Contains($":{There.Nodes[0].Setup.ClientPort}", Side.Failed(await Here.Over(id)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streams_that_nobody_announced_or_of_which_a_part_is_missing_or_changed_are_refused_and_nothing_of_them_stays()
    {
        await Here.Create("data");
        await Here.Commits("data", "one");
        var id = await Here.IdOf("data");
        var last = await LastCommit(Here, "data");
        var body = await Body(Here, $"/filesystems/{id}/START/{last}");

        Assert.Equal(HttpStatusCode.NotFound, (await Post(There, $"/filesystems/{id}/START/{last}", body)).Status);
        Assert.False(await There.Announce("data", id, "START", last));
        foreach (var damaged in Damages(body))
        {
            var (status, text) = await Post(There, $"/filesystems/{id}/START/{last}", damaged);
            Assert.True(status == HttpStatusCode.BadRequest, $"{status}: {text}");
            Assert.Empty(await There.IdOf("data"));
        }

        Assert.Equal(HttpStatusCode.OK, (await Post(There, $"/filesystems/{id}/START/{last}", body)).Status);
        Assert.Equal(["one"], await There.Log("data"));
        Assert.Equal(HttpStatusCode.NotFound, (await Post(There, $"/filesystems/{id}/START/{last}", body)).Status);
    }

    [Fact]
    public async Task The_formats_of_streams_are_told_and_one_that_the_storage_has_not_is_refused_before_any_data()
    {
        await Here.Create("data");
        var id = await Here.IdOf("data");
        var formats = (JsonArray)(await Here.Rpc().Call("StreamFormats"))!;
        Assert.Equal("dotmesh-directory-v1", (string?)Assert.Single(formats));

        using var http = Here.Http();
        using var reply = await http.GetAsync(new Uri($"/filesystems/{id}/START/{await LastCommit(Here, "data")}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode);
        Assert.Contains("'zfs-send'", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static async Task LargeDot(Side side, string name)
    {
        await side.Create(name);
        await File.WriteAllBytesAsync(Path.Combine(await side.Procure(name), "large"), RandomNumberGenerator.GetBytes(Large));
        await side.Commit(name, "large");
    }

    private static async Task<string> LastCommit(Side side, string name) =>
        (string)((JsonArray)(await side.Rpc().Call("Commits", new { Namespace = "admin", Name = name, Branch = "" }))!)[^1]!["Id"]!;

    private static async Task<byte[]> Body(Side side, string path)
    {
        using var http = side.Http();
        http.DefaultRequestHeaders.Add("Dotmesh-Stream", "dotmesh-directory-v1");
        return await http.GetByteArrayAsync(new Uri(path, UriKind.Relative));
    }

    private static async Task<(HttpStatusCode Status, string Text)> Post(Side side, string path, byte[] body)
    {
        using var http = side.Http();
        http.DefaultRequestHeaders.Add("Dotmesh-Stream", "dotmesh-directory-v1");
        using var content = new ByteArrayContent(body);
        using var reply = await http.PostAsync(new Uri(path, UriKind.Relative), content);
        return (reply.StatusCode, await reply.Content.ReadAsStringAsync());
    }

    /// <summary>Cut at several places, and with one bit the other way at several.</summary>
    private static IEnumerable<byte[]> Damages(byte[] body)
    {
        const int Places = 12;
        for (var n = 1; n < Places; n++)
        {
            var at = (int)((long)body.Length * n / Places);
            yield return body[..at];
            var flipped = (byte[])body.Clone();
            flipped[at] ^= 0x10;
            yield return flipped;
        }

        yield return body[..^1];
        yield return [.. body, 0];
    }

    private async Task<IReadOnlyList<JsonNode>> Listed(object filter) =>
        [.. ((JsonArray)(await Here.Rpc().Call("Transfers", filter))!).Select(entry => entry!["Transfer"]!)];

    /// <summary>A peer that was away for longer than a transfer tries is asked once more by whoever began it.</summary>
    private async Task<JsonNode> OverOrRetried(string id)
    {
        var over = await Here.Over(id);
        if ((string?)over["Status"] != "error")
        {
            return over;
        }

        Assert.True((bool)(await Here.Rpc().Call("RetryTransfer", new { TransferId = id }))!);
        return await Here.Over(id);
    }
}
