using Dotmesh.Actors.Gateway;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Cluster;

/// <summary>The life of a dot through <see cref="IDots"/>, on one node.</summary>
public sealed class OneNodeSpec : IAsyncLifetime
{
    private readonly OneNode _node = OneNode.New();

    public Task InitializeAsync() => _node.Start();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task A_dot_is_created_committed_branched_rolled_back_and_deleted()
    {
        var dot = await _node.Dot("life");
        Assert.Equal(["Initial commit"], await _node.Commits(dot));

        _node.Memory.Write(dot.Filesystem, "a", "1");
        var first = await _node.Commit(dot, "first");
        _node.Memory.Write(dot.Filesystem, "a", "2");
        await _node.Commit(dot, "second");
        Assert.Equal(["Initial commit", "first", "second"], await _node.Commits(dot));

        var branch = await _node.Branch(dot, "b1", first);
        Assert.Equal("1", _node.Memory.Read(branch.Filesystem, "a"));

        Assert.Null((await _node.Dots.Rollback(OneNode.Admin, dot, first, default)).Refusal);
        Assert.Equal("1", _node.Memory.Read(dot.Filesystem, "a"));
        Assert.Equal(["Initial commit", "first"], await _node.Commits(dot));

        Assert.Null((await _node.Dots.Delete(OneNode.Admin, OneNode.Name("life"), default)).Refusal);
        Assert.Equal(
            "No such filesystem named 'admin/life'",
            _node.Dots.Resolve(OneNode.Admin, OneNode.Name("life"), "", Right.Any).Refusal?.Message);
        Assert.Empty(await _node.Memory.List(default));
    }
}
