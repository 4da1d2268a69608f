using Dotmesh.Actors.Gateway;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Cluster;

/// <summary>The database is lost; the pool is all there is.</summary>
public sealed class RebuildSpec : IAsyncLifetime
{
    private readonly OneNode _node = OneNode.New();

    public Task InitializeAsync() => _node.Start();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Dots_branches_commits_owners_and_collaborators_come_back_from_the_pool()
    {
        var dot = await _node.Dot("alice/data", OneNode.Alice);
        var commit = await _node.Commit(dot, "kept");
        await _node.Branch(dot, "b1", commit);
        await _node.Commit(_node.Find("alice/data", "b1"), "on the branch");
        Assert.Null((await _node.Dots.AddCollaborator(OneNode.Alice, dot, MemoryUsers.Bob, default)).Refusal);

        await LoseTheDatabase();

        var rebuilt = _node.Find("alice/data");
        Assert.Equal(dot.Filesystem, rebuilt.Filesystem);
        Assert.Equal(MemoryUsers.Alice.Id, rebuilt.Dot.OwnerId);
        Assert.True(_node.Dots.Resolve(OneNode.Bob, OneNode.Name("alice/data"), "b1", Right.Use).Refusal is null);
        Assert.Equal(["Initial commit", "kept"], await _node.Commits(rebuilt));
        Assert.Equal(["on the branch"], await _node.Commits(_node.Find("alice/data", "b1")));

        await _node.Commit(rebuilt, "goes on");
        Assert.Null((await _node.Dots.Rollback(OneNode.Admin, rebuilt, commit, default)).Refusal);
        Assert.Null((await _node.Dots.Delete(OneNode.Alice, OneNode.Name("alice/data"), default)).Refusal);
        Assert.Empty(await _node.Memory.List(default));
    }

    [Fact]
    public async Task Owners_who_are_not_users_any_more_are_listed_in_the_log()
    {
        await _node.Dot("bob/data", OneNode.Bob);
        _node.Users = new MemoryUsers { All = [MemoryUsers.Admin] };

        await LoseTheDatabase();

        Assert.Contains(_node.Log.Lines, line => line.Contains($"bob ({MemoryUsers.Bob.Id})", StringComparison.Ordinal));
        Assert.Equal(MemoryUsers.Bob.Id, _node.Find("bob/data").Dot.OwnerId);
    }

    private async Task LoseTheDatabase()
    {
        await _node.System.Crash();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        foreach (var file in Directory.GetFiles(_node.Folder, "dotmesh.db*"))
        {
            File.Delete(file);
        }

        _node.Directory = new MemoryDirectory();
        await _node.Start();
    }
}
