using Dotmesh.Actors.Gateway;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Cluster;

/// <summary>The life of a dot through <see cref="IDots"/>, on one node.</summary>
public sealed class OneNodeSpec : OneNodeLife
{
    [Fact]
    public async Task A_dot_is_created_committed_branched_rolled_back_and_deleted()
    {
        var dot = await Node.Dot("life");
        Assert.Equal(["Initial commit"], await Node.Commits(dot));

        Node.Memory.Write(dot.Filesystem, "a", "1");
        var first = await Node.Commit(dot, "first");
        Node.Memory.Write(dot.Filesystem, "a", "2");
        await Node.Commit(dot, "second");
        Assert.Equal(["Initial commit", "first", "second"], await Node.Commits(dot));

        var branch = await Node.Branch(dot, "b1", first);
        Assert.Equal("1", Node.Memory.Read(branch.Filesystem, "a"));

        Assert.Null((await Node.Dots.Rollback(OneNode.Admin, dot, first, default)).Refusal);
        Assert.Equal("1", Node.Memory.Read(dot.Filesystem, "a"));
        Assert.Equal(["Initial commit", "first"], await Node.Commits(dot));

        Assert.Null((await Node.Dots.Delete(OneNode.Admin, OneNode.Name("life"), default)).Refusal);
        Assert.Equal(
            "No such filesystem named 'admin/life'",
            Node.Dots.Resolve(OneNode.Admin, OneNode.Name("life"), "", Right.Any).Refusal?.Message);
        Assert.Empty(await Node.Memory.List(default));
    }
}
