using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>The directory driver stopped between any two steps of an operation, then opened again, and its own dangers.</summary>
public sealed class DirectoryCrashSpec : IDisposable
{
    private readonly TemporaryPools _pools = new();
    private readonly Faults _faults = new();

    private static CancellationToken Ct => CancellationToken.None;

    public void Dispose() => _pools.Dispose();

    [Theory]
    [InlineData("commit.after-intent", false)]
    [InlineData("commit.after-objects", false)]
    [InlineData("commit.after-manifest", false)]
    [InlineData("commit.after-record", true)]
    [InlineData("commit.after-index", true)]
    public async Task A_commit_that_was_cut_off_is_there_whole_or_not_at_all(string point, bool there)
    {
        await using var first = await _pools.Open("pool", _faults);
        var id = await Created(first);
        await Committed(first, id, "c1", "one");
        await Write(first, id, "two");
        await Crash(point, () => first.Commit(id, new CommitId("c2"), CommitMetadata.Empty, Ct));
        await first.DisposeAsync();

        await using var again = await Reopened();
        Assert.Equal(there ? ["c1", "c2"] : ["c1"], await CommitsOf(again, id));
        Assert.Equal("two", await Read(again, id));
        Assert.Equal(there, (await again.Usage([id], Ct))[id].DirtyBytes == 0);
        await Committed(again, id, "c3", "three");
        await again.Rollback(id, new CommitId("c1"), Ct);
        Assert.Equal("one", await Read(again, id));
    }

    [Theory]
    [InlineData("rollback.after-intent")]
    [InlineData("rollback.after-promotion")]
    [InlineData("rollback.after-restore")]
    [InlineData("rollback.after-log")]
    public async Task A_rollback_that_was_cut_off_is_finished(string point)
    {
        await using var first = await _pools.Open("pool", _faults);
        var id = await Created(first);
        await Committed(first, id, "c1", "one");
        await Committed(first, id, "c2", "two");
        var branch = new FilesystemId("branch");
        await first.Branch(id, new CommitId("c2"), branch, Labels(id), Ct);
        await Committed(first, id, "c3", "three");
        await Crash(point, () => first.Rollback(id, new CommitId("c1"), Ct));
        await first.DisposeAsync();

        await using var again = await Reopened();
        Assert.Equal(["c1"], await CommitsOf(again, id));
        Assert.Equal("one", await Read(again, id));
        Assert.Equal(0, (await again.Usage([id], Ct))[id].DirtyBytes);
        await AssertPromoted(again, id, branch);
    }

    [Theory]
    [InlineData("stash.after-build")]
    [InlineData("stash.after-intent")]
    [InlineData("stash.after-move")]
    [InlineData("stash.after-successor")]
    [InlineData("stash.after-labels")]
    [InlineData("stash.after-mount")]
    public async Task A_stash_that_was_cut_off_can_be_repeated_with_and_without_a_restart(string point)
    {
        foreach (var restart in new[] { true, false })
        {
            await using var first = await _pools.Open($"pool-{restart}", _faults);
            var id = await Created(first);
            await Committed(first, id, "c1", "one");
            await Committed(first, id, "c2", "two");
            var branch = new FilesystemId("branch");
            await first.Branch(id, new CommitId("c2"), branch, Labels(id), Ct);
            await Write(first, id, "dirty");
            var stash = new FilesystemId("stash");
            await Crash(point, () => first.Stash(id, new CommitId("c1"), stash, Labels(id), Ct));
            var pool = first;
            if (restart)
            {
                await first.DisposeAsync();
                pool = await _pools.Open($"pool-{restart}", _faults);
                await pool.Recover(Ct);
            }

            if (await pool.Find(stash, Ct) is null || !restart)
            {
                await pool.Stash(id, new CommitId("c1"), stash, Labels(id), Ct);
            }

            Assert.Equal("one", await Read(pool, id));
            Assert.Equal(["c1"], await CommitsOf(pool, id));
            Assert.Equal("dirty", await Read(pool, stash));
            Assert.Equal(["c2"], await CommitsOf(pool, stash));
            Assert.Equal(new CommitOrigin(id, new CommitId("c1")), (await pool.Find(stash, Ct))!.Origin);
            Assert.Equal(new CommitOrigin(stash, new CommitId("c2")), (await pool.Find(branch, Ct))!.Origin);
            await pool.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("create.after-build", false)]
    [InlineData("create.after-mount", false)]
    [InlineData("create.after-publish", true)]
    public async Task A_creation_that_was_cut_off_leaves_all_or_nothing(string point, bool there)
    {
        await using var first = await _pools.Open("pool", _faults);
        var id = new FilesystemId("dot");
        await Crash(point, () => first.Create(id, Labels(id), Ct));
        await first.DisposeAsync();

        await using var again = await Reopened();
        var found = await again.Find(id, Ct);
        Assert.Equal(there, found is { Mounted: true });
        Assert.Equal(there, found is not null);
        Assert.Equal(there ? ["dot"] : [], Names("mnt/dmfs"));
        Assert.Empty(Names("tmp"));
    }

    [Theory]
    [InlineData("branch.after-objects", false)]
    [InlineData("branch.after-build", false)]
    [InlineData("branch.after-mount", false)]
    [InlineData("branch.after-publish", true)]
    public async Task A_branching_that_was_cut_off_leaves_all_or_nothing(string point, bool there)
    {
        await using var first = await _pools.Open("pool", _faults);
        var id = await Created(first);
        await Committed(first, id, "c1", "one");
        var branch = new FilesystemId("branch");
        await Crash(point, () => first.Branch(id, new CommitId("c1"), branch, Labels(id), Ct));
        await first.DisposeAsync();

        await using var again = await Reopened();
        Assert.Equal(there, await again.Find(branch, Ct) is { Mounted: true });
        if (!there)
        {
            await again.Branch(id, new CommitId("c1"), branch, Labels(id), Ct);
        }

        Assert.Equal("one", await Read(again, branch));
    }

    [Theory]
    [InlineData("destroy.after-unmount", true)]
    [InlineData("destroy.after-move", false)]
    public async Task A_destruction_that_was_cut_off_can_be_repeated(string point, bool there)
    {
        await using var first = await _pools.Open("pool", _faults);
        var id = await Created(first);
        await Crash(point, () => first.Destroy(id, Ct));
        await first.DisposeAsync();

        await using var again = await Reopened();
        Assert.Equal(there, await again.Find(id, Ct) is not null);
        await again.Destroy(id, Ct);
        Assert.Empty(Names("fs"));
        Assert.Empty(Names("tmp"));
        Assert.Empty(Names("mnt/dmfs"));
    }

    [Theory]
    [InlineData("receive.after-begin", 0)]
    [InlineData("receive.after-commit", 0)]
    [InlineData("receive.after-restore", 0)]
    [InlineData("receive.after-mount", 0)]
    [InlineData("receive.after-publish", 2)]
    public async Task A_receive_that_was_cut_off_is_there_whole_or_not_at_all(string point, int kept)
    {
        await using var source = await _pools.Open("source", new Faults());
        var id = await Created(source);
        await Committed(source, id, "c1", "one");
        await Committed(source, id, "c2", "two");
        var range = new StreamRange(id, null, new CommitId("c2"));
        var stream = new MemoryStream();
        await source.Send(range, stream, Ct);
        stream.Position = 0;
        await using var first = await _pools.Open("pool", _faults);
        await Crash(point, () => first.Receive(range, Labels(id), stream, Ct));
        await first.DisposeAsync();

        await using var again = await Reopened();
        var found = await again.Find(id, Ct);
        Assert.Equal(kept, found?.Commits.Length ?? 0);
        if (kept > 0)
        {
            Assert.Equal("two", await Read(again, id));
            Assert.Equal(0, (await again.Usage([id], Ct))[id].DirtyBytes);
        }
    }

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
        await using var again = await Reopened();
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
        var stream = new MemoryStream();
        await pool.Send(range, stream, Ct);
        var good = stream.ToArray();
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
        Assert.Single(Names($"fs/{id}/objects"));
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

    private static async Task AssertPromoted(IStorage pool, FilesystemId id, FilesystemId branch)
    {
        Assert.Equal("two", await Read(pool, branch));
        Assert.Equal(["c2"], await CommitsOf(pool, branch));
        Assert.Equal(new CommitOrigin(id, new CommitId("c1")), (await pool.Find(branch, Ct))!.Origin);
        Assert.Equal(0, (await pool.Usage([branch], Ct))[branch].DirtyBytes);
    }

    private async Task Crash(string point, Func<Task> operation)
    {
        _faults.Arm($"directory.{point}", FaultAction.Error);
        await Assert.ThrowsAsync<InjectedFaultException>(operation);
        _faults.Arm($"directory.{point}", null);
    }

    private async Task<IStorage> Reopened()
    {
        var pool = await _pools.Open("pool", _faults);
        await pool.Recover(Ct);
        Assert.Empty(Names("intents"));
        return pool;
    }

    private string[] Names(string folder) =>
        [.. new DirectoryInfo(Path.Combine(_pools.PathOf("pool"), folder)).EnumerateFileSystemInfos().Select(f => f.Name)];

    private static FilesystemLabels Labels(FilesystemId dot) => new(
        dot, new DotName("admin", "test"), "", "0", "admin",
        System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty);

    private static async Task<FilesystemId> Created(IStorage pool)
    {
        var id = new FilesystemId("dot");
        await pool.Create(id, Labels(id), Ct);
        return id;
    }

    private static async Task Committed(IStorage pool, FilesystemId id, string commit, string text)
    {
        await Write(pool, id, text);
        await pool.Commit(id, new CommitId(commit), CommitMetadata.Empty, Ct);
    }

    private static async Task Write(IStorage pool, FilesystemId id, string text) =>
        await File.WriteAllTextAsync(Path.Combine(await pool.Mount(id, Ct), "__default__", "file"), text, Ct);

    private static async Task<string> Read(IStorage pool, FilesystemId id) =>
        await File.ReadAllTextAsync(Path.Combine(await pool.Mount(id, Ct), "__default__", "file"), Ct);

    private static async Task<string[]> CommitsOf(IStorage pool, FilesystemId id) =>
        [.. (await pool.Find(id, Ct))!.Commits.Select(c => c.Id.Value)];
}
