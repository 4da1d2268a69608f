using Dotmesh.Actors.Gateway;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Cluster;

/// <summary>The database is lost; the pool is all there is.</summary>
public sealed class RebuildSpec : OneNodeLife
{
    [Fact]
    public async Task Dots_branches_commits_owners_and_collaborators_come_back_from_the_pool()
    {
        var dot = await Node.Dot("alice/data", OneNode.Alice);
        var commit = await Node.Commit(dot, "kept");
        await Node.Branch(dot, "b1", commit);
        await Node.Commit(Node.Find("alice/data", "b1"), "on the branch");
        Assert.Null((await Node.Dots.AddCollaborator(OneNode.Alice, dot, MemoryUsers.Bob, default)).Refusal);

        await LoseTheDatabase();

        var rebuilt = Node.Find("alice/data");
        Assert.Equal(dot.Filesystem, rebuilt.Filesystem);
        Assert.Equal(MemoryUsers.Alice.Id, rebuilt.Dot.OwnerId);
        Assert.True(Node.Dots.Resolve(OneNode.Bob, OneNode.Name("alice/data"), "b1", Right.Use).Refusal is null);
        Assert.Equal(["Initial commit", "kept"], await Node.Commits(rebuilt));
        Assert.Equal(["on the branch"], await Node.Commits(Node.Find("alice/data", "b1")));

        await Node.Commit(rebuilt, "goes on");
        Assert.Null((await Node.Dots.Rollback(OneNode.Admin, rebuilt, commit, default)).Refusal);
        Assert.Null((await Node.Dots.Delete(OneNode.Alice, OneNode.Name("alice/data"), default)).Refusal);
        Assert.Empty(await Node.Memory.List(default));
    }

    [Fact]
    public async Task Owners_who_are_not_users_any_more_are_listed_in_the_log()
    {
        await Node.Dot("bob/data", OneNode.Bob);
        Node.Users = new MemoryUsers { All = [MemoryUsers.Admin] };

        await LoseTheDatabase();

        Assert.Contains(Node.Log.Lines, line => line.Contains($"bob ({MemoryUsers.Bob.Id})", StringComparison.Ordinal));
        Assert.Equal(MemoryUsers.Bob.Id, Node.Find("bob/data").Dot.OwnerId);
    }

    private async Task LoseTheDatabase()
    {
        await Node.System.Abandon();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        foreach (var file in Directory.GetFiles(Node.Folder, "dotmesh.db*"))
        {
            File.Delete(file);
        }

        Node.Directory = new MemoryDirectory();
        await Node.Start();
    }
}
