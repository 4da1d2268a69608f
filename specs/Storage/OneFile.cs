using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>A filesystem named <c>dot</c> with one file whose text tells which commit it is.</summary>
internal static class OneFile
{
    internal static async Task AssertPromoted(IStorage pool, FilesystemId id, FilesystemId branch)
    {
        Assert.Equal("two", await Read(pool, branch));
        Assert.Equal(["c2"], await CommitsOf(pool, branch));
        Assert.Equal(new CommitOrigin(id, new CommitId("c1")), (await pool.Find(branch, default))!.Origin);
        Assert.Equal(0, (await pool.Usage([branch], default))[branch].DirtyBytes);
    }

    internal static FilesystemLabels Labels(FilesystemId dot) => new(
        dot, new DotName("admin", "test"), "", "0", "admin",
        System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty);

    internal static async Task<FilesystemId> Created(IStorage pool)
    {
        var id = new FilesystemId("dot");
        await pool.Create(id, Labels(id), default);
        return id;
    }

    internal static async Task Committed(IStorage pool, FilesystemId id, string commit, string text)
    {
        await Write(pool, id, text);
        await pool.Commit(id, new CommitId(commit), CommitMetadata.Empty, default);
    }

    internal static async Task Write(IStorage pool, FilesystemId id, string text) =>
        await File.WriteAllTextAsync(Path.Combine(await pool.Mount(id, default), "__default__", "file"), text);

    internal static async Task<string> Read(IStorage pool, FilesystemId id) =>
        await File.ReadAllTextAsync(Path.Combine(await pool.Mount(id, default), "__default__", "file"), default);

    internal static async Task<string[]> CommitsOf(IStorage pool, FilesystemId id) =>
        [.. (await pool.Find(id, default))!.Commits.Select(c => c.Id.Value)];
}
