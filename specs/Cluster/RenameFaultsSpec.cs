using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
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
    public async Task Collaborators_that_change_alone_are_those_of_the_journal_after_a_break()
    {
        var dot = await Node.Dot("shared");
        Assert.Null((await Node.Dots.AddCollaborator(OneNode.Admin, dot, MemoryUsers.Bob, default)).Refusal);
        await Break(FaultPoints.RenameAfterPersist, () => Node.Dots.Rename(
            OneNode.Admin, Node.Find("shared"), dot.Dot.Name, OneNode.Admin.User, ImmutableSortedDictionary<string, string>.Empty, default));

        await Node.Dots.Commits(dot, default);
        Assert.Empty(Node.Find("shared").Dot.Collaborators);
        Assert.Empty((await Node.Memory.Find(dot.Filesystem, default))!.Labels!.Collaborators);
    }

    [Fact]
    public async Task A_dot_whose_old_name_was_taken_in_between_has_its_new_one()
    {
        var dot = await Node.Dot("between");
        Node.Faults.Arm(FaultPoints.RenameAfterReserve, FaultAction.Error);
        await Rename(dot, new DotName("bob", "between"));
        Node.Faults.Arm(FaultPoints.RenameAfterReserve, null);
        var other = await Node.Dot("between");

        Assert.Null((await Node.Dots.Commit(
            OneNode.Admin, Node.Dots.Resolve(OneNode.Admin, dot.Filesystem, Right.Any).Value, new CommitRequest(null, CommitMetadata.Empty), default)).Refusal);

        await Agree(dot.Filesystem, dot.Filesystem, new DotName("bob", "between"));
        await Agree(other.Filesystem, other.Filesystem, other.Dot.Name);
    }

    [Fact]
    public async Task Who_takes_the_old_name_is_not_led_into_the_dot_that_had_it()
    {
        var dot = await Node.Dot("led");
        var old = (await Node.Dots.Procure(OneNode.Admin, dot.Dot.Name, "", "", default)).Value;
        var before = new DirectoryInfo(old).LinkTarget;
        // a crash between the new name and its end leaves the link where it was
        await Break(FaultPoints.RenameAfterPersist, () => Rename(dot, new DotName("bob", "led")));
        Directory.CreateDirectory(Path.GetDirectoryName(old)!);
        if (new DirectoryInfo(old).LinkTarget is null)
        {
            Directory.CreateSymbolicLink(old, before!);
        }

        var now = (await Node.Dots.Procure(OneNode.Admin, dot.Dot.Name, "", "", default)).Value;

        Assert.Equal(old, now);
        Assert.NotEqual(before, new DirectoryInfo(now).LinkTarget);
    }

    [Fact]
    public async Task Labels_that_are_not_the_journals_are_written_again_when_the_dot_is_used()
    {
        var dot = await Node.Dot("bare");
        var labels = (await Node.Memory.Find(dot.Filesystem, default))!.Labels!;
        await Node.Memory.SetLabels(dot.Filesystem, labels with { OwnerId = "nobody" }, default);
        await Node.Restart();
        Assert.Null((await Node.Dots.Commit(OneNode.Admin, Node.Find("bare"), new CommitRequest(null, CommitMetadata.Empty), default)).Refusal);
        Assert.Equal(labels.OwnerId, (await Node.Memory.Find(dot.Filesystem, default))!.Labels!.OwnerId);
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
