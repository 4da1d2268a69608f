using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Directory;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Commits of a tree that is large enough to be kept as differences, and what else reads manifests.</summary>
public sealed class DirectoryManifestSpec : IDisposable
{
    private const int Files = 1000;

    private static readonly FilesystemId Id = new("dot");
    private static readonly FilesystemId Other = new("other");

    private readonly TemporaryPools _pools = new();

    private static CancellationToken Ct => CancellationToken.None;

    public void Dispose() => _pools.Dispose();

    [Fact]
    public async Task A_small_change_of_a_large_tree_writes_little()
    {
        await using var pool = await _pools.Open("pool", new Faults());
        await Commits(pool);
        var manifests = new DirectoryInfo(Path.Combine(_pools.PathOf("pool"), "fs", Id.Value, "manifests"))
            .GetFiles().ToDictionary(f => f.Name, f => f.Length);
        Assert.True(manifests["1"] > 16 * 1024, $"{manifests["1"]} bytes");
        Assert.InRange(manifests["2"], 1, 500);
        Assert.InRange(manifests["3"], 1, 1000);
    }

    [Fact]
    public async Task Every_commit_comes_back_when_the_node_restarts()
    {
        string[] texts;
        await using (var pool = await _pools.Open("pool", new Faults()))
        {
            texts = await Commits(pool);
        }

        await using var again = await _pools.Open("pool", new Faults());
        Assert.Equal(0, (await again.Usage([Id], Ct))[Id].DirtyBytes);
        await Change(again, Id, 17, "after the restart");
        await Commit(again, Id, "c9");
        for (var n = texts.Length; n >= 1; n--)
        {
            await again.Rollback(Id, new CommitId($"c{n}"), Ct);
            Assert.Equal(texts[n - 1], await TextOf(again, Id));
            Assert.Equal(0, (await again.Usage([Id], Ct))[Id].DirtyBytes);
        }
    }

    [Fact]
    public async Task A_branch_of_any_commit_holds_its_files()
    {
        await using var pool = await _pools.Open("pool", new Faults());
        var texts = await Commits(pool);
        for (var n = 1; n <= texts.Length; n++)
        {
            var branch = new FilesystemId($"branch{n}");
            await pool.Branch(Id, new CommitId($"c{n}"), branch, Labels(), Ct);
            Assert.Equal(texts[n - 1], await TextOf(pool, branch));
        }

        await pool.Rollback(Id, new CommitId("c1"), Ct);
        for (var n = 1; n <= texts.Length; n++)
        {
            var branch = new FilesystemId($"branch{n}");
            await Change(pool, branch, 3, "changed");
            await Commit(pool, branch, "b");
            await pool.Rollback(branch, new CommitId("b"), Ct);
            await Change(pool, branch, 3, "changed again");
            await pool.Rollback(branch, new CommitId("b"), Ct);
        }
    }

    [Fact]
    public async Task A_stash_of_a_stash_keeps_what_its_commits_stand_on()
    {
        await using var pool = await _pools.Open("pool", new Faults());
        var texts = await Commits(pool);
        await pool.Stash(Id, new CommitId("c1"), Other, Labels(), Ct);
        Assert.Equal(texts[0], await TextOf(pool, Id));
        var second = new FilesystemId("second");
        await pool.Stash(Other, new CommitId("c3"), second, Labels(), Ct);
        Assert.Equal(texts[2], await TextOf(pool, Other));
        Assert.Equal(texts[^1], await TextOf(pool, second));
        await pool.Rollback(Other, new CommitId("c2"), Ct);
        Assert.Equal(texts[1], await TextOf(pool, Other));
        await pool.Rollback(second, new CommitId("c4"), Ct);
        Assert.Equal(texts[3], await TextOf(pool, second));
    }

    [Fact]
    public async Task A_stream_of_all_commits_makes_the_same_trees()
    {
        await using var pool = await _pools.Open("pool", new Faults());
        var texts = await Commits(pool);
        var range = new StreamRange(Id, null, new CommitId($"c{texts.Length}"));
        var stream = new MemoryStream();
        await pool.Send(range, stream, Ct);
        stream.Position = 0;
        await using var target = await _pools.Open("target", new Faults());
        await target.Receive(range, Labels(), stream, Ct);
        for (var n = texts.Length; n >= 1; n--)
        {
            await target.Rollback(Id, new CommitId($"c{n}"), Ct);
            Assert.Equal(texts[n - 1], await TextOf(target, Id));
        }
    }

    /// <summary>c1 has all files; the next change, remove and add a few each, hard links and whole folders too.</summary>
    private static async Task<string[]> Commits(DirectoryStorage pool)
    {
        await pool.Create(Id, Labels(), Ct);
        var folder = Path.Combine(await pool.Mount(Id, Ct), "__default__");
        for (var n = 0; n < Files; n++)
        {
            await Change(pool, Id, n, $"content {n}");
        }

        var texts = new List<string>();
        foreach (var change in new Func<Task>[]
        {
            () => Task.CompletedTask,
            () => Change(pool, Id, 7, "changed"),
            () =>
            {
                File.Delete(Path.Combine(folder, "3", "31"));
                File.CreateSymbolicLink(Path.Combine(folder, "3", "link"), "32");
                return Change(pool, Id, 7, "changed again");
            },
            () =>
            {
                System.IO.Directory.Delete(Path.Combine(folder, "5"), recursive: true);
                return File.WriteAllTextAsync(Path.Combine(folder, "5"), "a file where a folder was");
            },
            () => Change(pool, Id, 42, "last"),
        })
        {
            await change();
            await Commit(pool, Id, $"c{texts.Count + 1}");
            texts.Add(await TextOf(pool, Id));
        }

        return [.. texts];
    }

    private static async Task Change(IStorage pool, FilesystemId id, int file, string text)
    {
        var at = Path.Combine(await pool.Mount(id, Ct), "__default__", $"{file / 10}");
        System.IO.Directory.CreateDirectory(at);
        await File.WriteAllTextAsync(Path.Combine(at, $"{file}"), text, Ct);
    }

    private static async Task<string> TextOf(IStorage pool, FilesystemId id) => TreeText.Of(await pool.Mount(id, Ct) + "/");

    private static Task Commit(IStorage pool, FilesystemId id, string commit) =>
        pool.Commit(id, new CommitId(commit), CommitMetadata.Empty.With("message", "m"), Ct);

    private static FilesystemLabels Labels() => new(
        Id, new DotName("admin", "test"), "", "0", "admin",
        System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty);
}
