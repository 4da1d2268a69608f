using Dotmesh.Actors;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage.Directory;
using Dotmesh.Specs.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Cluster;

/// <summary>The parts that a laptop runs: directory driver, tables and journal in SQLite, and files where Procure says.</summary>
public sealed class OneNodeOnFoldersSpec : IAsyncLifetime
{
    private readonly OneNode _node = OneNode.New();
    private SqlDatabase _database = null!;

    public async Task InitializeAsync()
    {
        _database = await SqlDatabase.Open(
            new SqliteDialect(Path.Combine(_node.Folder, "tables.db")), TimeProvider.System, NullLoggerFactory.Instance, default);
        _node.Directory = await SqlDirectory.Open(
            _database, TimeProvider.System, NullLoggerFactory.Instance, default);
        _node.Storage = await DirectoryStorage.Open(
            new DirectoryStorageOptions { Root = Path.Combine(_node.Folder, "pool") },
            _node.Faults, TimeProvider.System, NullLoggerFactory.Instance, default);
        await _node.Start();
    }

    public async Task DisposeAsync()
    {
        await _node.System.DisposeAsync();
        await _node.Storage.DisposeAsync();
        await _database.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Files_written_where_Procure_says_follow_commit_branch_rollback_and_restart()
    {
        var path = (await Procure("")).Value;
        Assert.Equal(Path.Combine(_node.Folder, "mnt", "admin", "files", "__default__"), path);
        await File.WriteAllTextAsync(Path.Combine(path, "a"), "1");
        var dot = _node.Find("files");
        var first = await _node.Commit(dot, "first");
        await File.WriteAllTextAsync(Path.Combine(path, "a"), "2");
        var second = await _node.Commit(dot, "second");
        await _node.Branch(dot, "b", second);

        await _node.Restart();
        dot = _node.Find("files");
        Assert.Null((await _node.Dots.Rollback(OneNode.Admin, dot, first, default)).Refusal);
        Assert.Equal("1", await File.ReadAllTextAsync(Path.Combine((await Procure("")).Value, "a")));
        Assert.Equal("2", await File.ReadAllTextAsync(Path.Combine((await Procure("b")).Value, "a")));
        Assert.Equal(["Initial commit", "first"], await _node.Commits(dot));

        Assert.Null((await _node.Dots.Delete(OneNode.Admin, OneNode.Name("files"), default)).Refusal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_node.Folder, "mnt", "admin")));
        Assert.Empty(await _node.Storage.List(default));
    }

    [Fact]
    public async Task Procure_refuses_a_missing_branch_and_a_link_planted_in_the_place_of_a_subdot()
    {
        var root = (await _node.Dots.Procure(OneNode.Admin, OneNode.Name("files"), "", "", default)).Value;
        Assert.Equal(
            "No clones at all, let alone named 'x' for filesystem id '" + _node.Find("files").Filesystem + "'",
            (await Procure("x")).Refusal?.Message);

        Directory.CreateSymbolicLink(Path.Combine(root, "planted"), "/tmp");
        var planted = await _node.Dots.Procure(OneNode.Admin, OneNode.Name("files"), "", "planted", default);
        Assert.StartsWith("subdot planted cannot be used", planted.Refusal?.Message, StringComparison.Ordinal);
    }

    private Task<Outcome<string>> Procure(string branch) =>
        _node.Dots.Procure(OneNode.Admin, OneNode.Name("files"), branch, "__default__", default);
}
