using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Directory;
using Dotmesh.Actors.Storage.Posix;
using Xunit;
using static Dotmesh.Specs.Storage.OneFile;

namespace Dotmesh.Specs.Storage;

/// <summary>Views of commits are read-only mounts where the node may mount; none of them outlives it.</summary>
public sealed class DirectoryViewSpec : IDisposable
{
    private readonly TemporaryPools _pools = new();

    private static CancellationToken Ct => CancellationToken.None;

    public void Dispose() => _pools.Dispose();

    [SkippableFact]
    public async Task A_view_is_a_mount_until_the_node_stops()
    {
        string path;
        await using (var pool = await Opened())
        {
            var id = await Created(pool);
            await Committed(pool, id, "c1", "one");
            path = await pool.MountCommit(id, new CommitId("c1"), Ct);
            Assert.Single(Mounts());
            Assert.Equal("one", await File.ReadAllTextAsync(Path.Combine(path, "__default__", "file"), Ct));
        }

        Assert.Empty(Mounts());
        Assert.False(Path.Exists(path));
    }

    [SkippableFact]
    public async Task A_view_that_a_killed_node_left_is_taken_away_by_the_next_start()
    {
        var id = new FilesystemId("dot");
        await using (var pool = await Opened())
        {
            await Created(pool);
            await Committed(pool, id, "c1", "one");
            await pool.MountCommit(id, new CommitId("c1"), Ct);
        }

        var view = Path.Combine(_pools.PathOf("pool"), "fs", id.Value, "views", "c1");
        File.CreateSymbolicLink(Path.Combine(_pools.PathOf("pool"), "mnt", "dmfs", "dot@c1"), view);
        Assert.True(BindMounts.TryMakeReadOnly(view));
        Assert.Single(Mounts());
        await using var again = await Opened();
        Assert.Empty(Mounts());
        await RefusesWritesAfter(again, id);
    }

    [SkippableFact]
    public async Task A_rollback_a_stash_and_a_destruction_take_the_views_away()
    {
        await using var pool = await Opened();
        var id = await Created(pool);
        foreach (var commit in new[] { "c1", "c2", "c3" })
        {
            await Committed(pool, id, commit, commit);
            await pool.MountCommit(id, new CommitId(commit), Ct);
        }

        Assert.Equal(3, Mounts().Length);
        await pool.Rollback(id, new CommitId("c2"), Ct);
        Assert.Equal(2, Mounts().Length);
        var stash = new FilesystemId("stash");
        await pool.Stash(id, new CommitId("c1"), stash, Labels(id), Ct);
        Assert.Empty(Mounts());
        await pool.MountCommit(stash, new CommitId("c2"), Ct);
        await pool.Destroy(stash, Ct);
        Assert.Empty(Mounts());
    }

    [SkippableFact]
    public async Task A_view_is_read_only_where_its_mount_is_propagated_to_as_well()
    {
        // a node in a container: the engine outside mounts what it sees of the node's mounts into other containers
        Skip.IfNot(_pools.TryMakeShared("pool", "outside"), "This process may not mount");
        await using var pool = await Opened();
        var id = await Created(pool);
        await Committed(pool, id, "c1", "one");
        await pool.MountCommit(id, new CommitId("c1"), Ct);
        var outside = Path.Combine(_pools.PathOf("outside"), "fs", id.Value, "views", "c1", "__default__");

        Assert.Equal("one", await File.ReadAllTextAsync(Path.Combine(outside, "file"), Ct));
        await Assert.ThrowsAnyAsync<IOException>(() => File.WriteAllTextAsync(Path.Combine(outside, "new"), "no", Ct));
        await pool.Destroy(id, Ct);
        Assert.Equal([_pools.PathOf("outside"), _pools.PathOf("pool")], Mounts().Order(StringComparer.Ordinal));
    }

    private static async Task RefusesWritesAfter(IStorage pool, FilesystemId id)
    {
        var path = await pool.MountCommit(id, new CommitId("c1"), Ct);
        await Assert.ThrowsAnyAsync<IOException>(
            () => File.WriteAllTextAsync(Path.Combine(path, "__default__", "new"), "no", Ct));
    }

    private async Task<DirectoryStorage> Opened()
    {
        var pool = await _pools.Open("pool", new Faults());
        if (Libc.geteuid() != 0 || !pool.Capabilities.Features[DirectoryStorage.ReadOnlyViews])
        {
            await pool.DisposeAsync();
            Skip.If(true, "This process may not mount");
        }

        return pool;
    }

    /// <summary>Mount points: a view is mounted twice.</summary>
    private string[] Mounts() =>
        [.. File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')[4])
            .Where(point => point.StartsWith(_pools.Root, StringComparison.Ordinal)).Distinct(StringComparer.Ordinal)];
}
