using System.Net;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// A node on a pool in trouble: it goes on answering what needs no pool, says of all else what is wrong and what to do,
/// tells the load balancer, and works again without a restart when the pool does.
/// </summary>
[Trait("Speed", "slow")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class NodeTroubleZfsSpecs : IDisposable
{
    private static readonly object Dot = new { Namespace = "admin", Name = "dot" };
    private static readonly object Commit = new { Namespace = "admin", Name = "dot", Branch = "", Message = "m" };
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public async Task A_full_pool()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsPool.Create(64L << 20);
        await using var node = await NodeProcess.Start(new NodeSetup(_folder.Path, pool.Name));
        await node.Rpc.Call("Create", Dot);
        var folder = Path.GetFullPath(await node.Rpc.Text("Procure", Dot));
        await node.Rpc.Call("Commit", Commit);
        var filler = Path.Combine(folder, "filler");
        await Fill(filler);

        await NotReady(node, "is full");
        await Reads(node, commits: 2);
        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => node.Rpc.Call("Create", new { Namespace = "admin", Name = "more" }));
        Assert.Contains("is full: remove files, branches or dots", refusal.Text);

        File.Delete(filler);
        await node.Ready();
        await node.Rpc.Call("Create", new { Namespace = "admin", Name = "more" });
        await node.Rpc.Call("Commit", Commit);
    }

    [SkippableFact]
    public async Task A_daemon_that_is_killed_and_started_again()
    {
        Lanes.Require(Lanes.Zfs);
        await using var daemon = await ZfsDaemon.Start(_folder.Path);
        await daemon.Run("zpool", "create", "-m", "none", daemon.Pool, daemon.Disk);
        await using var node = await NodeProcess.Start(new NodeSetup(_folder.Path, daemon.Pool) { Launcher = daemon.Inside });
        await node.Rpc.Call("Create", Dot);
        await node.Rpc.Call("Commit", Commit);

        await daemon.Kill();
        await NotReady(node, "start the ZFS service");
        await Reads(node, commits: 2);
        foreach (var (method, what) in new[] { ("Commit", Commit), ("Create", new { Namespace = "admin", Name = "more" }) })
        {
            var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => node.Rpc.Call(method, what));
            Assert.Contains("start", refusal.Text);
            Assert.Contains("import the pool", refusal.Text);
        }

        // it imports its pools by itself
        await daemon.StartAgain();
        await node.Ready();
        await node.Rpc.Call("Commit", Commit);
        await node.Rpc.Call("Create", new { Namespace = "admin", Name = "more" });
        await Reads(node, commits: 3);
    }

    private static async Task Reads(NodeProcess node, int commits)
    {
        await node.Rpc.Call("Ping");
        Assert.NotNull((await node.Rpc.Call("List"))!["admin"]!["dot"]);
        var listed = await node.Rpc.Call("Commits", new { Namespace = "admin", Name = "dot", Branch = "" });
        Assert.Equal(commits, listed!.AsArray().Count);
    }

    private static async Task NotReady(NodeProcess node, string why)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(20) };
        var last = "";
        await Patience.Holds(
            async () =>
            {
                using var reply = await http.GetAsync(new Uri(node.Address, "/health/ready"));
                last = await reply.Content.ReadAsStringAsync();
                return reply.StatusCode == HttpStatusCode.ServiceUnavailable && last.Contains(why, StringComparison.Ordinal) ? last : null;
            },
            Soon,
            () => $"/health/ready does not say '{why}': {last}\n{node.Log}");
        using var live = await http.GetAsync(new Uri(node.Address, "/health/live"));
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }

    private static async Task Fill(string path)
    {
        await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
        for (var size = 1 << 20; size >= 4096; size /= 4)
        {
            var block = new byte[size];
            Random.Shared.NextBytes(block);
            while (await Record.ExceptionAsync(async () =>
                   {
                       await file.WriteAsync(block);
                       RandomAccess.FlushToDisk(file.SafeFileHandle);
                   }) is null)
            {
            }
        }
    }
}
