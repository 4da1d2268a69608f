using Dotmesh.Specs.EndToEnd.Transfers;
using Dotmesh.Specs.Support;
using Microsoft.Playwright;
using Xunit;
using static Dotmesh.Specs.EndToEnd.WebConsole.PageWords;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>Pushes and pulls begun, watched and cancelled on pages.</summary>
[Trait("Speed", "slow")]
public sealed class ConsoleTransferSpec(Browser browser) : TwoNodesSpec(onPools: false), IClassFixture<Browser>
{
    private const int Large = 8_000_000;

    [SkippableFact]
    public async Task A_push_is_begun_and_watched_to_its_end_and_a_slow_one_is_cancelled_and_tried_again()
    {
        Lanes.Require(Lanes.Browser);
        await Here.Create("apples");
        await Here.Commits("apples", "one");
        var page = await browser.SignedIn(Here.Nodes[0], "/dots/admin/apples");
        await page.Button("Push it to another cluster").ClickAsync();
        await page.FillExchange(There.Nodes[0]);
        await page.Button("Push").ClickAsync();

        await Expect(page.Title()).ToHaveTextAsync("Operation");
        await Expect(page.Rows("Operations", "apples")).ToContainTextAsync("finished");
        await Expect(page.Rows("Log", "step finished")).ToHaveCountAsync(1);
        await Expect(page.Rows("Log", "asked")).ToContainTextAsync("admin");
        Assert.Equal(["one"], await There.Log("apples"));

        await Here.Write("apples", "big", new string('b', Large));
        await page.GotoAsync($"{Here.Nodes[0].Address}ui/dots/admin/apples");
        await page.Commit("big");
        await page.OnCommit("big", "Push this branch");
        await page.FillExchange(There.Nodes[0]);
        await page.Field("At most MiB/s (empty: as fast as it goes)").FillAsync("1");
        await page.Button("Push").ClickAsync();
        await Expect(page.Rows("Operations", "apples")).ToContainTextAsync("step 1 of 1");
        await Expect(page.GetByRole(AriaRole.Progressbar)).ToBeVisibleAsync();

        await page.Button("Cancel: push of apples").ClickAsync();
        await Expect(page.Rows("Operations", "apples")).ToContainTextAsync("Cancelled by admin.");
        Assert.Equal(["one"], await There.Log("apples"));
        await page.Button("Try again: push of apples").ClickAsync();
        await Expect(page.Rows("Operations", "apples")).ToContainTextAsync("finished");
        Assert.Equal(["one", "big"], await There.Log("apples"));
    }

    [SkippableFact]
    public async Task A_dot_of_another_cluster_is_brought_here_and_what_is_refused_is_told_in_place()
    {
        Lanes.Require(Lanes.Browser);
        await There.Create("pears");
        await There.Commits("pears", "one");
        var page = await browser.SignedIn(Here.Nodes[0], "/pull");
        await page.FillExchange(There.Nodes[0], "admin/no-such-dot");
        await page.Button("Pull").ClickAsync();
        await Expect(page.GetByText("no-such-dot").Last).ToBeVisibleAsync();
        await Expect(page.Title()).ToHaveTextAsync("Bring a dot from another cluster");

        await page.Field("Dot there (NAMESPACE/NAME)").FillAsync("admin/pears");
        await page.Button("Pull").ClickAsync();
        await Expect(page.Rows("Operations", "pears")).ToContainTextAsync("finished");
        await page.Rows("Operations", "pears").GetByRole(AriaRole.Link, new() { Name = "pears" }).ClickAsync();
        await Expect(page.Rows("Commits", "one")).ToHaveCountAsync(1);
    }
}
