using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Xunit;
using static Dotmesh.Specs.Storage.OneFile;

namespace Dotmesh.Specs.Storage;

/// <summary>What threatens a pool in a folder: other nodes, torn logs, bad streams, rollbacks under branches.</summary>
public sealed class DirectoryDangersSpec : IDisposable
{
    private readonly TemporaryPools _pools = new();
    private readonly Faults _faults = new();

    private static CancellationToken Ct => CancellationToken.None;

    public void Dispose() => _pools.Dispose();

    [Fact]
    public async Task A_branch_from_a_later_commit_survives_the_rollback_with_the_commits_it_needs()
    {
        await using var pool = await _pools.Open("pool", _faults);
        var id = await Created(pool);
        await Committed(pool, id, "c1", "one");
        await Committed(pool, id, "c2", "two");
        var branch = new FilesystemId("branch");
        await pool.Branch(id, new CommitId("c2"), branch, Labels(id), Ct);
        await Committed(pool, id, "c3", "three");
        await pool.Rollback(id, new CommitId("c1"), Ct);
        await AssertPromoted(pool, id, branch);
        await Committed(pool, branch, "b1", "more");
        await pool.Rollback(branch, new CommitId("c2"), Ct);
        Assert.Equal("two", await Read(pool, branch));
    }

    [Fact]
    public async Task A_torn_record_at_the_end_of_the_log_is_cut_and_the_next_commit_is_kept()
    {
        var first = await _pools.Open("pool", _faults);
        var id = await Created(first);
        await Committed(first, id, "c1", "one");
        await first.DisposeAsync();
        await File.AppendAllTextAsync(Path.Combine(_pools.PathOf("pool"), "fs", id.Value, "commits"), "\u0040\0\0\0torn");
        await using var again = await _pools.Open("pool", _faults);
        await again.Recover(Ct);
        Assert.Equal(["c1"], await CommitsOf(again, id));
        await Committed(again, id, "c2", "two");
        Assert.Equal(["c1", "c2"], await CommitsOf(again, id));
    }

    [Fact]
    public async Task Every_cut_and_every_flipped_byte_of_a_stream_is_refused_and_leaves_nothing()
    {
        await using var pool = await _pools.Open("source", _faults);
        var id = await Created(pool);
        await Committed(pool, id, "c1", "some content");
        var range = new StreamRange(id, null, new CommitId("c1"));
        var good = await pool.Sent(range);
        Assert.Equal(good.Length, await pool.PredictSize(range, Ct));
        await using var target = await _pools.Open("pool", _faults);
        for (var at = 0; at < good.Length - 9; at += 3)
        {
            await RefusedWhole(target, range, good[..at]);
            var flipped = (byte[])good.Clone();
            flipped[at] ^= 0x10;
            await RefusedWhole(target, range, flipped);
        }

        await target.Receive(range, Labels(id), new MemoryStream(good), Ct);
        Assert.Equal("some content", await Read(target, id));
    }

    [Fact]
    public async Task Two_nodes_never_open_the_same_pool()
    {
        await using var first = await _pools.Open("pool", _faults);
        var refusal = await Assert.ThrowsAsync<StorageException>(() => _pools.Open("pool", _faults));
        Assert.Equal(StorageFailure.Busy, refusal.Failure);
        Assert.Contains($"process {Environment.ProcessId}", refusal.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_full_pool_refuses_and_what_was_there_stays_usable()
    {
        Skip.IfNot(_pools.TryMakeSmall("pool", 4 << 20), "Mounting a small file system needs root");
        await using var pool = await _pools.Open("pool", _faults);
        var id = await Created(pool);
        await Committed(pool, id, "c1", "one");
        var large = Path.Combine(await pool.Mount(id, Ct), "__default__", "large");
        await File.WriteAllBytesAsync(large, new byte[2_500_000]);
        await File.AppendAllTextAsync(large, "end");
        var refusal = await Assert.ThrowsAsync<StorageException>(
            () => pool.Commit(id, new CommitId("c2"), CommitMetadata.Empty, Ct));
        Assert.Equal(StorageFailure.PoolFull, refusal.Failure);
        Assert.Equal(["c1"], await CommitsOf(pool, id));
        Assert.Single(System.IO.Directory.EnumerateFiles(Path.Combine(_pools.PathOf("pool"), "fs", id.Value, "objects")));
        File.Delete(large);
        await Committed(pool, id, "c2", "two");
        await pool.Rollback(id, new CommitId("c1"), Ct);
        Assert.Equal("one", await Read(pool, id));
    }

    private static async Task RefusedWhole(IStorage target, StreamRange range, byte[] bytes)
    {
        var refusal = await Assert.ThrowsAsync<StorageException>(
            () => target.Receive(range, Labels(range.Filesystem), new MemoryStream(bytes), Ct));
        Assert.Equal(StorageFailure.BadStream, refusal.Failure);
        Assert.Null(await target.Find(range.Filesystem, Ct));
    }
}
