using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Gateway;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Cluster;

public sealed class RenameFaultsSpec : FaultPointsSpec
{
    [Fact]
    public async Task A_new_name_that_breaks_off_is_there_whole_or_not_at_all_and_the_pool_agrees()
    {
        foreach (var point in FaultPoints.Rename)
        {
            var (before, after) = (new DotName("admin", point.Replace('.', '-')), new DotName("bob", point.Replace('.', '-')));
            var dot = await Node.Dot(before.Name);
            var side = await Node.Dots.Branch(OneNode.Admin, dot, "side", (await Node.Dots.Commits(dot, default)).Value[0].Id, default);

            await Break(point, () => Rename(dot, after));

            var now = Node.Dots.Resolve(OneNode.Admin, dot.Filesystem, Right.Any).Value.Dot.Name;
            Assert.Equal(point == FaultPoints.RenameAfterReserve ? before : after, now);
            await Agree(dot.Filesystem, side.Value, now);
            Assert.Null((await Rename(Node.Dots.Resolve(OneNode.Admin, dot.Filesystem, Right.Any).Value, after)).Refusal);
            await Agree(dot.Filesystem, side.Value, after);
            Assert.NotNull(Node.Dots.Resolve(OneNode.Admin, before, "", Right.Any).Refusal);
        }
    }

    [Fact]
    public async Task A_name_that_is_taken_stays_with_its_dot()
    {
        var (one, other) = (await Node.Dot("one"), await Node.Dot("other"));
        Assert.Equal(RefusalCode.AlreadyExists, (await Rename(one, other.Dot.Name)).Refusal?.Code);
        await Agree(one.Filesystem, one.Filesystem, one.Dot.Name);
        await Agree(other.Filesystem, other.Filesystem, other.Dot.Name);
    }

    private Task<Outcome<Done>> Rename(Dotmesh.Actors.Directory.DotTarget dot, DotName name) => Node.Dots.Rename(
        OneNode.Admin, dot, name, MemoryUsers.Bob,
        ImmutableSortedDictionary<string, string>.Empty.Add(MemoryUsers.Alice.Id, MemoryUsers.Alice.Name), default);

    private async Task Agree(FilesystemId master, FilesystemId side, DotName name)
    {
        foreach (var id in (FilesystemId[])[master, side])
        {
            var labels = (await Node.Memory.Find(id, default))!.Labels!;
            Assert.Equal(name, labels.Name);
            Assert.Equal(name.Namespace == "bob" ? MemoryUsers.Bob.Id : OneNode.Admin.User.Id, labels.OwnerId);
            Assert.Equal(id == master && name.Namespace == "bob" ? 1 : 0, labels.Collaborators.Count);
        }

        Assert.Equal(name, Node.Directory.Find(master)!.Name);
    }
}
