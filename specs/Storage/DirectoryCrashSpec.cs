using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;
using static Dotmesh.Specs.Storage.OneFile;

namespace Dotmesh.Specs.Storage;

/// <summary>The directory driver stopped between any two steps of an operation, then opened again.</summary>
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
}
