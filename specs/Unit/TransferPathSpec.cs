using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Which filesystems a transfer moves, and how far each (contract 3.6, 6.3). Ids are numbers, as the last digits of a UUID.</summary>
public sealed class TransferPathSpec
{
    [Fact]
    public void A_path_as_an_original_server_sends_it_is_taken()
    {
        var path = TransferPath.Check(Path(Step("mustard", 2, from: 1) with { InnerName = "", InnerTopLevelId = "" })).Value;
        Assert.Equal((Id(1), new DotName("alice", "cress"), Id(2)), (path.Master, path.Dot, path.Tip));
        Assert.Equal([new BranchRow("mustard", Id(2), new CommitOrigin(Id(1), new CommitId("at1")))], path.Branches.AsEnumerable());
        Assert.Equal(Id(1), TransferPath.Check(Path()).Value.Tip);
    }

    [Fact]
    public void The_other_cluster_has_the_same_path_under_its_own_name()
    {
        var there = TransferPath.Check(Path(Step("mustard", 2, from: 1))).Value.CalledThere(new DotName("bob", "salad"));
        Assert.Equal((Id(1), new DotName("bob", "salad"), Id(2)), (there.Master, there.Dot, there.Tip));
    }

    [Theory]
    [InlineData("branch 1 of 1: it starts in filesystem ID3 and not in ID1, which comes before it", "b:2<3")]
    [InlineData("branch 2 of 2: it starts in filesystem ID1 and not in ID2, which comes before it", "b:2<1", "c:3<1")]
    [InlineData("branch 2 of 2: 'c', filesystem ID2, is there twice", "b:2<1", "c:2<2")]
    [InlineData("branch 1 of 1: 'b', filesystem ID1, is there twice", "b:1<1")]
    [InlineData("branch 2 of 2: 'b', filesystem ID3, is there twice", "b:2<1", "b:3<2")]
    [InlineData("branch 1 of 1: branch cannot be empty", ":2<1")]
    [InlineData("branch 1 of 1: master is the name of the branch that every dot has: choose another name", "master:2<1")]
    [InlineData("branch 1 of 1: invalid branch name, should match pattern: ^[a-zA-Z0-9_\\-]{1,64}$", "a/b:2<1")]
    public void A_path_that_does_not_hold_together_is_refused_with_the_step(string why, params string[] steps)
    {
        var path = Path([.. steps.Select(step => step.Split(':', '<')).Select(part => Step(part[0], int.Parse(part[1]), int.Parse(part[2])))]);
        Refuses(why.Replace("ID", $"{Id(0)}"[..^1], StringComparison.Ordinal), path);
    }

    [Fact]
    public void Ids_and_names_of_a_peer_are_checked_before_anything_is_made_of_them()
    {
        const string notAnId = "invalid filesystem id, should match pattern: ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
        var step = Step("b", 2, from: 1);
        Refuses(notAnId, Path() with { TopLevelId = "../../etc" });
        Refuses("namespace cannot be empty", Path() with { Namespace = "" });
        Refuses("invalid dot name, should match pattern: ^[a-zA-Z0-9_\\-]{1,64}$", Path() with { Name = "@" });
        Refuses($"branch 1 of 1: {notAnId}", Path(step with { FilesystemId = "x" }));
        Refuses($"branch 1 of 1: {notAnId}", Path(step with { OriginFilesystemId = "x" }));
        Refuses("branch 1 of 1: snapshot cannot be empty", Path(step with { OriginCommitId = "" }));
        Refuses("branch 1 of 1: it belongs to another dot than the path", Path(step with { InnerTopLevelId = Id(7).Value }));
        Refuses("branch 1 of 1: it has another name inside than 'b'", Path(step with { InnerName = "c" }));
    }

    [Fact]
    public void A_path_has_a_thousand_branches_at_most()
    {
        UncheckedStep[] steps = [.. Enumerable.Range(2, TransferPath.MostBranches + 1).Select(n => Step($"b{n}", n, n - 1))];
        Assert.Equal(1001, TransferPlan.Of(TransferPath.Check(Path(steps[..^1])).Value).Length);
        Refuses("it has 1001 branches; 1000 are the most", Path(steps));
    }

    [Fact]
    public void The_path_of_a_branch_here_leads_back_along_its_origins()
    {
        var path = TransferPath.To(Local("c", ("b", 2, 1), ("c", 3, 2), ("side", 4, 1))).Value;
        Assert.Equal([Id(2), Id(3)], path.Branches.Select(branch => branch.Id));
        Assert.Empty(TransferPath.To(Local("", ("b", 2, 1))).Value.Branches);
    }

    [Fact]
    public void A_branch_here_that_does_not_lead_to_the_master_branch_has_no_path()
    {
        Assert.Equal(Refusals.NoSuchFilesystem(Id(9)), TransferPath.To(Local("b", ("b", 2, 9))).Refusal);
        Assert.Equal(Refusals.NoSuchFilesystem(Id(2)), TransferPath.To(Local("b", ("b", 2, 3), ("c", 3, 2))).Refusal);
    }

    [Fact]
    public void A_plan_moves_each_filesystem_up_to_where_the_next_one_starts()
    {
        var plan = TransferPlan.Of(TransferPath.Check(Path(Step("b", 2, from: 1), Step("c", 3, from: 2))).Value);
        Assert.Equal(
            [
                new TransferSegment(1, 3, Id(1), "", null, new CommitId("at1")),
                new TransferSegment(2, 3, Id(2), "b", new CommitOrigin(Id(1), new CommitId("at1")), new CommitId("at2")),
                new TransferSegment(3, 3, Id(3), "c", new CommitOrigin(Id(2), new CommitId("at2")), null),
            ],
            plan.AsEnumerable());
        Assert.Equal(new TransferSegment(1, 1, Id(1), "", null, null), Assert.Single(TransferPlan.Of(TransferPath.Check(Path()).Value)));
    }

    [Fact]
    public void A_branch_that_is_missing_starts_at_its_origin_and_one_that_is_behind_at_its_own_commit()
    {
        var segment = new TransferSegment(2, 2, Id(2), "b", new CommitOrigin(Id(1), new CommitId("at1")), null);
        string? Start(CommitComparison comparison) => segment.Range(comparison) is { } range ? $"{StreamStart.Of(range)}..{range.To}" : null;

        Assert.Equal($"{Id(1)}@at1..z", Start(new CommitComparison.SendAll(new CommitId("z"))));
        Assert.Equal("y..z", Start(new CommitComparison.FastForward(new CommitId("y"), new CommitId("z"))));
        Assert.Null(Start(new CommitComparison.UpToDate(new CommitId("z"))));
        segment = segment with { Origin = null };
        Assert.Equal("START..z", Start(new CommitComparison.SendAll(new CommitId("z"))));
    }

    private static void Refuses(string why, UncheckedPath path) => Assert.Equal(
        new Refusal(RefusalCode.Invalid, $"The path to the top level filesystem is not usable: {why}."), TransferPath.Check(path).Refusal);

    private static FilesystemId Id(int number) => new($"00000000-0000-4000-8000-{number:d12}");

    private static UncheckedPath Path(params UncheckedStep[] steps) => new(Id(1).Value, "alice", "cress", [.. steps]);

    private static UncheckedStep Step(string name, int id, int from) =>
        new(name, Id(1).Value, Id(id).Value, name, Id(from).Value, $"at{from}");

    private static DotTarget Local(string branch, params (string Name, int Id, int From)[] branches)
    {
        var rows = branches.ToImmutableSortedDictionary(
            row => row.Name, row => new BranchRow(row.Name, Id(row.Id), new CommitOrigin(Id(row.From), new CommitId($"at{row.From}"))));
        var dot = new DotRow(
            Id(1), new DotName("alice", "cress"), "0", "alice", new StorageNodeId("node"), 1, DotStatus.Active,
            ImmutableSortedDictionary<string, string>.Empty, rows);
        return new DotTarget(dot, branch, branch.Length == 0 ? Id(1) : rows[branch].Id);
    }
}
