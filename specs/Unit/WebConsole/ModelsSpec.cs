using Dotmesh.Client;
using Dotmesh.WebConsole.Models;
using Dotmesh.WebConsole.Session;
using Xunit;
using ClusterNode = Dotmesh.Client.Node;

namespace Dotmesh.Specs.Unit.WebConsole;

/// <summary>What pages show, without pages.</summary>
public sealed class ModelsSpec
{
    [Fact]
    public void What_is_chosen_stays_chosen_until_it_is_gone()
    {
        var table = new DotTable();
        table.Load([Row("a"), Row("b", containers: ["web"]), Row("c")]);
        table.Filter(new DotFilter("b"));
        table.ChooseShown(true);
        table.Filter(new DotFilter());
        table.Choose(table.Shown[0], true);
        Assert.Equal(["a", "b"], table.Chosen.Select(dot => dot.Name));
        Assert.False(table.AllShownAreChosen);
        Assert.Contains("2 dots", table.LostByDeleting(), StringComparison.Ordinal);
        Assert.Contains("Used by containers, and refused therefore: 1.", table.LostByDeleting(), StringComparison.Ordinal);

        table.Load([Row("b"), Row("c")]);
        Assert.Equal(["b"], table.Chosen.Select(dot => dot.Name));
        table.ChooseShown(false);
        Assert.Empty(table.Chosen);
    }

    [Fact]
    public void The_same_column_twice_turns_the_order_round()
    {
        var table = new DotTable();
        table.Load([Row("a"), Row("b", commits: 5)]);
        table.Sort(DotOrder.Commits);
        Assert.Equal(["b", "a"], table.Shown.Select(row => row.Name.Name));
        table.Sort(DotOrder.Commits);
        Assert.Equal(["a", "b"], table.Shown.Select(row => row.Name.Name));
    }

    [Fact]
    public void A_copy_that_has_fewer_commits_is_behind_and_a_node_without_one_is_not()
    {
        var row = DotRow.Of(Listing(("n1", "active", "active, 5 commits"), ("n2", "inactive", "waiting, 3 commits"), ("n3", "missing", "missing, 0 commits"), ("n4", "unknown", "node does not answer")));

        Assert.Equal([("n1", 5), ("n2", 3), ("n4", 5)], row.Copies.Select(copy => (copy.Node, copy.Commits)));
        Assert.Equal(2, row.Lag);
        Assert.Equal("n1", row.Node);
    }

    [Fact]
    public void Troubles_are_told_worst_first_and_health_is_silence()
    {
        var well = View(Up("n1"), Up("n2"), Up("n3"));
        Assert.Empty(well.Troubles);
        Assert.Equal((3, 3), (well.NodesUp, well.WithDatabase));

        var ill = View(Up("n1") with { Database = "away" }, Up("n2") with { PoolHealth = "DEGRADED", PoolFreeBytes = 1 }, new ClusterNode("n3", [], "away", "", 0, "", "", "", 0, 0));
        Assert.Collection(
            ill.Troubles,
            first => Assert.StartsWith("Away: n3.", first, StringComparison.Ordinal),
            second => Assert.StartsWith("The database does not answer n1", second, StringComparison.Ordinal),
            third => Assert.Equal("The pool tank on n2 is DEGRADED.", third),
            fourth => Assert.Contains("nearly full", fourth, StringComparison.Ordinal));

        var few = View(Up("n1"), new ClusterNode("n2", [], "away", "", 0, "", "", "", 0, 0));
        Assert.Contains("may not be enough to take decisions", Assert.Single(few.Troubles), StringComparison.Ordinal);
        Assert.Empty(new ClusterView(null, [], [], []).Troubles);
    }

    [Fact]
    public void Sizes_are_drawn_from_zero_up_and_a_long_line_keeps_its_peaks()
    {
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal) { ["1"] = 0, ["2"] = 50, ["3"] = 100 };
        var chart = SizeChart.Of(Branch("1", "2", "3"), sizes)!;
        Assert.Equal("0,100 300,50 600,0", chart.Line);
        Assert.Equal((0, 100, 100), (chart.First, chart.Last, chart.Largest));
        Assert.Null(SizeChart.Of(Branch("1"), sizes));
        Assert.Null(SizeChart.Of(Branch("1", "unknown"), sizes));

        var many = Enumerable.Range(0, 10_000).ToDictionary(at => $"{at}", at => at == 7_777 ? 1000L : 10L, StringComparer.Ordinal);
        var long1 = SizeChart.Of(Branch([.. many.Keys]), many)!;
        Assert.InRange(long1.Line.Split(' ').Length, 100, 310);
        Assert.Contains(",0", long1.Line, StringComparison.Ordinal);
        Assert.Equal(10_000, long1.Count);
    }

    [Fact]
    public async Task What_is_asked_by_many_pages_at_once_is_read_once_and_for_each_user_by_itself()
    {
        var clock = new SteppedClock();
        var reads = new SharedReads(clock);
        var count = 0;
        Task<int> Read() => Task.FromResult(++count);

        var both = await Task.WhenAll(reads.Get("bob", "dots", Read), reads.Get("bob", "dots", Read));
        Assert.Equal([1, 1], both);
        Assert.Equal(2, await reads.Get("eve", "dots", Read));
        clock.Pass(TimeSpan.FromSeconds(2));
        Assert.Equal(3, await reads.Get("bob", "dots", Read));
        reads.Forget();
        Assert.Equal(4, await reads.Get("bob", "dots", Read));

        await Assert.ThrowsAsync<InvalidOperationException>(() => reads.Get<int>("bob", "bad", () => Task.FromException<int>(new InvalidOperationException())));
        Assert.Equal(5, await reads.Get("bob", "bad", Read));
    }

    [Fact]
    public void A_session_that_was_signed_out_of_is_kept_in_mind_for_as_long_as_its_cookie_is_good()
    {
        var clock = new SteppedClock();
        var signedOut = new SignedOut(clock);
        signedOut.Add("one", TimeSpan.FromMinutes(30));
        clock.Pass(TimeSpan.FromMinutes(29));
        signedOut.Add("two", TimeSpan.FromMinutes(30));
        Assert.True(signedOut.Has("one"));
        clock.Pass(TimeSpan.FromMinutes(2));
        signedOut.Add("three", TimeSpan.FromMinutes(30));
        Assert.False(signedOut.Has("one"));
        Assert.True(signedOut.Has("two"));
    }

    private static ClusterView View(params ClusterNode[] nodes) => new(nodes, [], [], []);

    private static ClusterNode Up(string id) => new(id, ["127.0.0.1"], "up", "1", 0, "zfs", "tank", "ONLINE", 1000, 900, "up");

    private static BranchHistory Branch(params string[] commits) => new(new DotBranch(), [.. commits.Select(id => new Commit { Id = id })], null);

    private static DotRow Row(string name, int commits = 1, string[]? containers = null) =>
        new(new DotName("admin", name), name, "n1", "active", 10, 0, commits, containers ?? [], []);

    private static DotListing Listing(params (string Node, string State, string Status)[] servers) => new()
    {
        Volume = new DotBranch
        {
            Id = "d",
            Name = new DotName("admin", "apples"),
            Master = "n1",
            CommitCount = 5,
            ServerStates = servers.ToDictionary(server => server.Node, server => server.State),
            ServerStatuses = servers.ToDictionary(server => server.Node, server => server.Status),
        },
    };
}
