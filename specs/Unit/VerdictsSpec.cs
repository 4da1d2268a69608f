using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Clustering;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class VerdictsSpec
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(6);

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(-0.1, false, true)]
    [InlineData(-0.1, true, false)]
    [InlineData(-6.1, true, true)]
    public void A_member_is_suspected_when_its_lease_is_out_and_later_when_it_still_answers(double left, bool reachable, bool suspected) =>
        Assert.Equal(suspected, Verdicts.MayBeOut(Node("a", 1), "process of a", TimeSpan.FromSeconds(left), reachable, Ttl));

    [Fact]
    public void A_member_whose_row_is_another_process_or_unknown_is_for_the_database_to_judge()
    {
        Assert.True(Verdicts.MayBeOut(Node("a", 1), "an earlier process", Ttl, true, Ttl));
        Assert.True(Verdicts.MayBeOut(null, "process of a", TimeSpan.Zero, true, Ttl));
    }

    [Fact]
    public void Who_came_later_gives_way_to_a_living_node_that_is_in_another_cluster()
    {
        var (old, late) = (Node("old", 1), Node("late", 2));
        Assert.Equal(old, Elsewhere("late", [old, late]));
        Assert.Null(Elsewhere("old", [old, late]));
        Assert.Null(Elsewhere("late", [old, late], members: "old"));
    }

    [Fact]
    public void Nobody_gives_way_to_a_node_that_is_dead_or_has_not_entered()
    {
        var late = Node("late", 2);
        Assert.Null(Elsewhere("late", [Node("dead", 1) with { LeaseLeft = TimeSpan.FromSeconds(-1) }, late]));
        Assert.Null(Elsewhere("late", [Node("replaced", 1) with { State = NodeState.Replaced }, late]));
        Assert.Null(Elsewhere("late", [Node("starting", 0) with { State = NodeState.Starting }, late]));
        Assert.Null(Elsewhere("starting", [Node("old", 1), Node("starting", 0)]));
        Assert.Null(Elsewhere("late", [Node("being let in", 0), late]));
    }

    [Theory]
    [InlineData(true, 1, 3, true)]
    [InlineData(true, 2, 3, false)]
    [InlineData(true, 1, 2, false)]
    [InlineData(true, 1, 1, false)]
    [InlineData(false, 1, 3, false)]
    public void A_node_is_cut_off_when_its_lease_is_out_and_it_sees_less_than_half(bool overdue, int reachable, int members, bool cutOff) =>
        Assert.Equal(cutOff, Verdicts.IsCutOff(overdue, reachable, members));

    private static NodeRecord? Elsewhere(string self, NodeRecord[] known, params string[] members) => Verdicts.Elsewhere(
        known, new StorageNodeId(self), node => node.LeaseLeft, node => members.Contains(node.Id.Value));

    private static NodeRecord Node(string id, long entered) => new(
        new StorageNodeId(id), "127.0.0.1:1", "", ImmutableArray<string>.Empty, $"process of {id}", NodeState.Up, Ttl, 1, entered);
}
