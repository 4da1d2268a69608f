using Dotmesh.Client;
using Dotmesh.WebConsole.Models;
using Xunit;

namespace Dotmesh.Specs.Unit.WebConsole;

public sealed class DotRowsSpec
{
    private static readonly DotRow[] All =
    [
        Row("admin", "pears", node: "n1", size: 10),
        Row("admin", "apples", node: "n2", size: 30, dirty: 5, commits: 7),
        Row("bob", "figs", node: "n1", size: 30, containers: ["database-1"]),
    ];

    [Theory]
    [InlineData("", "admin/apples admin/pears bob/figs")]
    [InlineData("PEA", "admin/pears")]
    [InlineData("bob/", "bob/figs")]
    [InlineData("n1", "admin/pears bob/figs")]
    [InlineData("database", "bob/figs")]
    [InlineData("none of them", "")]
    public void A_search_finds_names_nodes_and_containers_in_any_case(string text, string found) => Assert.Equal(found, Names(new DotFilter(text)));

    [Fact]
    public void Filters_hold_together()
    {
        Assert.Equal("bob/figs", Names(new DotFilter(InUse: true)));
        Assert.Equal("admin/apples", Names(new DotFilter(Dirty: true)));
        Assert.Equal("", Names(new DotFilter(InUse: true, Dirty: true)));
        Assert.Equal("bob/figs", Names(new DotFilter(Namespace: "bob", Node: "n1")));
    }

    [Theory]
    [InlineData(DotOrder.Size, true, "admin/apples bob/figs admin/pears")]
    [InlineData(DotOrder.Size, false, "admin/pears admin/apples bob/figs")]
    [InlineData(DotOrder.Commits, true, "admin/apples admin/pears bob/figs")]
    [InlineData(DotOrder.Dirty, true, "admin/apples admin/pears bob/figs")]
    [InlineData(DotOrder.Node, true, "admin/apples admin/pears bob/figs")]
    [InlineData(DotOrder.Name, true, "bob/figs admin/pears admin/apples")]
    public void What_is_alike_is_in_the_order_of_names(DotOrder order, bool descending, string expected) =>
        Assert.Equal(expected, Names(new DotFilter(), order, descending));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.50 KiB")]
    [InlineData(20_000_000, "19.1 MiB")]
    [InlineData(long.MaxValue, "8192 PiB")]
    public void Sizes_have_three_digits_that_count(long bytes, string text) => Assert.Equal(text, Texts.Size(bytes));

    [Fact]
    public void Metadata_is_typed_as_pairs() =>
        Assert.Equal(
            [new("a", "1"), new("b", "2=3"), new("flag", "")],
            CommitMetadata.Parse(" a = 1, b=2=3,flag,, a=1"));

    private static string Names(DotFilter filter, DotOrder order = DotOrder.Name, bool descending = false) =>
        string.Join(' ', DotRows.Shown(All, filter, order, descending).Select(row => row.Name));

    private static DotRow Row(string owner, string name, string node, long size, long dirty = 0, int commits = 1, string[]? containers = null) =>
        new(new DotName(owner, name), name, node, "active", size, dirty, commits, containers ?? [], []);
}
