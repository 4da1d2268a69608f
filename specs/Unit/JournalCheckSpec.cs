using Dotmesh.Specs.EndToEnd.History;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>The history checker sees what it is there for.</summary>
public sealed class JournalCheckSpec
{
    [Fact]
    public void A_dot_that_moves_there_and_back_and_a_node_that_starts_again_are_in_order() => Assert.Empty(Overlaps(
        Taken("p1", "a", 1), Written("p1"), Taken("p2", "b", 2), Written("p2"), Taken("p1", "a", 3), Written("p1"), Written("p1 again"), Written("p1 again")));

    [Fact]
    public void A_node_that_goes_on_after_another_took_over_is_found() => Assert.Single(Overlaps(
        Taken("p1", "a", 1), Taken("p2", "b", 2), Written("p1")));

    [Fact]
    public void So_it_is_when_it_had_started_again_meanwhile() => Assert.Single(Overlaps(
        Taken("p1", "a", 1), Written("p1 again"), Taken("p2", "b", 2), Written("p1 again")));

    [Fact]
    public void A_process_that_writes_after_its_successor_is_found() => Assert.Single(Overlaps(
        Taken("p1", "a", 1), Written("p1 again"), Written("p1")));

    [Fact]
    public void An_epoch_of_two_nodes_is_found() => Assert.Single(Overlaps(
        Taken("p1", "a", 1), Taken("p2", "b", 2), Taken("p3", "c", 2)));

    private static IReadOnlyList<string> Overlaps(params JournalRow[] rows) => JournalCheck.Overlaps(rows);

    private static JournalRow Taken(string process, string node, long epoch) => new("dot", process, "e.control-taken.1", node, epoch);

    private static JournalRow Written(string process) => new("dot", process, "e.committed.1", null, 0);
}
