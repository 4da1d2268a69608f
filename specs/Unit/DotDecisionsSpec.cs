using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class DotDecisionsSpec
{
    private static readonly DateTimeOffset Now = new(2019, 3, 4, 10, 20, 30, TimeSpan.Zero);
    private static readonly FilesystemId Master = new("master-id");
    private static readonly FilesystemId Other = new("other-id");
    private static readonly CommitId C1 = new("c1");
    private static readonly CommitId C2 = new("c2");

    private static readonly DotState Dot = DotState.Absent
        .Apply(new DotEvents.Created(
            Master, new DotName("admin", "d"), "0", "admin", new StorageNodeId("n"), 1, [C1], Now, "0"))
        .Apply(new DotEvents.Committed(Master, C2, Now, "0"));

    [Fact]
    public void A_commit_id_is_used_once_in_a_branch()
    {
        Assert.Equal(
            "A commit with id c1 already exists in admin/d", DotDecisions.NewCommit(Dot, Master, C1).Refusal?.Message);
        Assert.Null(DotDecisions.NewCommit(Dot, Master, new CommitId("c3")).Refusal);
    }

    [Theory]
    [InlineData("", "branch cannot be empty")]
    [InlineData("master", "master is the name of the branch that every dot has: choose another name")]
    [InlineData("taken", "A branch called taken already exists in admin/d")]
    [InlineData("a b", @"invalid branch name, should match pattern: ^[a-zA-Z0-9_\-]{1,64}$")]
    public void A_branch_name_is_refused_before_anything_is_done(string name, string why)
    {
        var dot = Dot.Apply(new DotEvents.Branched("taken", Other, new CommitOrigin(Master, C1), Now, "0"));
        Assert.Equal(why, DotDecisions.NewBranch(dot, Master, C1, name).Refusal?.Message);
    }

    [Fact]
    public void A_branch_starts_at_a_commit_of_its_own_source()
    {
        var dot = Dot.Apply(new DotEvents.Branched("b", Other, new CommitOrigin(Master, C1), Now, "0"));
        Assert.Equal(
            "No such commit c2 in admin/d@b. Its commits are listed by Commits.",
            DotDecisions.NewBranch(dot, Other, C2, "c").Refusal?.Message);
    }

    [Fact]
    public void A_stash_is_named_by_branch_and_time_and_stays_a_valid_name()
    {
        var master = Dot.Filesystems[Master];
        var name = DotDecisions.StashName(Dot, master, Now);
        Assert.Equal("master-DIVERGED-2019-03-04T10-20-30Z", name);

        var twice = Dot.Apply(new DotEvents.Branched(name, Other, new CommitOrigin(Master, C1), Now, "0"));
        Assert.Equal("master-DIVERGED-2019-03-04T10-20-30Z-2", DotDecisions.StashName(twice, master, Now));
        Assert.Null(Names.CheckBranch(DotDecisions.StashName(Dot, master with { Name = new string('x', 64) }, Now)));
    }

    [Fact]
    public void What_the_pool_has_more_or_less_than_the_journal_is_told()
    {
        var stored = new StoredFilesystem(
            Master, null, null, true, [new StoredCommit(C1, 1, Now, CommitMetadata.Empty), new StoredCommit(new CommitId("c3"), 3, Now, CommitMetadata.Empty)]);
        var stray = stored with { Id = Other };

        var comparison = DotDecisions.Compare(Dot, [stored, stray]);

        var change = Assert.Single(comparison.Changes);
        Assert.Equal(["c3"], change.Added.Select(commit => commit.Value));
        Assert.Equal(["c2"], change.Removed.Select(commit => commit.Value));
        Assert.Equal(Other, Assert.Single(comparison.Unknown).Id);
        Assert.Empty(comparison.Missing);
        Assert.Equal(Master, Assert.Single(DotDecisions.Compare(Dot, []).Missing));
    }

    [Fact]
    public void A_deletion_takes_leaves_first_even_when_origins_go_in_a_circle()
    {
        var third = new FilesystemId("third-id");
        Assert.Equal([third, Other, Master], DotDecisions.LeavesFirst(new Dictionary<FilesystemId, CommitOrigin?>
        {
            [Master] = null,
            [Other] = new CommitOrigin(Master, C1),
            [third] = new CommitOrigin(Other, C1),
        }));
        Assert.Equal(2, DotDecisions.LeavesFirst(new Dictionary<FilesystemId, CommitOrigin?>
        {
            [Master] = new CommitOrigin(Other, C1),
            [Other] = new CommitOrigin(Master, C1),
        }).Count);
    }

    [Fact]
    public void An_impossible_transition_throws()
    {
        var deleted = Dot.Apply(new DotEvents.DeletionBegun(Now, "0")).Apply(new DotEvents.Deleted(Now, "0"));
        Assert.Throws<InvalidOperationException>(() => deleted.Apply(new DotEvents.RollbackBegun(Master, C1, Now, "0")));
    }

    [Fact]
    public void The_row_is_a_projection_of_the_state()
    {
        var row = Dot
            .Apply(new DotEvents.Branched("b", Other, new CommitOrigin(Master, C1), Now, "0"))
            .Apply(new DotEvents.CollaboratorAdded("u", "bob", Now, "0"))
            .Row();
        Assert.Equal(Other, Assert.Single(row.Branches).Value.Id);
        Assert.Equal("bob", row.Collaborators["u"]);
        Assert.Equal(ImmutableSortedDictionary<string, string>.Empty.Add("u", "bob"), row.Collaborators);
    }
}
