using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Microsoft.Playwright;
using Xunit;
using static Dotmesh.Specs.EndToEnd.WebConsole.PageWords;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>The console of a cluster of three nodes: what it tells when nodes die, and what it does with dots on several of them.</summary>
[Trait("Speed", "slow")]
public sealed class ConsoleClusterSpec(Browser browser) : ThreeNodes, IClassFixture<Browser>
{
    private const string Password = "a known one";

    [SkippableFact]
    public async Task A_node_that_dies_is_told_on_an_open_page_and_when_it_is_the_page_s_own_another_goes_on()
    {
        await Rpc(0).Call("UpdateUserPassword", new { Id = "admin", NewPassword = Password });
        await Rpc(0).Call("Create", new { Namespace = "admin", Name = "data" });
        var page = await browser.SignedIn(Cluster.Nodes[0], "admin", Password);
        await Expect(page.GetByText("3 of 3").First).ToBeVisibleAsync();

        var third = await Cluster.IdOf(2);
        await Cluster.Nodes[2].Kill9();
        await Expect(page.GetByText("2 of 3").First).ToBeVisibleAsync();
        await Expect(page.Locator(".mud-alert").First).ToContainTextAsync($"Away: {third}");
        await page.Link("Nodes").ClickAsync();
        await Expect(page.Rows("Nodes", third)).ToContainTextAsync("away");

        await Cluster.Restart(2);
        await Expect(page.Rows("Nodes", third)).ToContainTextAsync("up");

        await Cluster.Nodes[0].Kill9();
        await Expect(page.GetByRole(AriaRole.Alertdialog)).ToContainTextAsync("This node does not answer");
        var other = await browser.SignedIn(Cluster.Nodes[1], "admin", Password, "/dots/admin/data");
        await Cluster.Sees(1, 2);
        await Expect(other.Title()).ToHaveTextAsync("data");
        await other.Commit("After the other one died");

        await Cluster.Restart(0);
        await Expect(page.Title()).ToHaveTextAsync("Nodes");
        await Expect(page.GetByRole(AriaRole.Alertdialog)).ToBeHiddenAsync();
        await Expect(page.Rows("Nodes", "up")).ToHaveCountAsync(3);
    }

    [SkippableFact]
    public async Task A_dot_is_handed_over_and_copied_to_as_many_nodes_as_one_says()
    {
        await Rpc(0).Call("UpdateUserPassword", new { Id = "admin", NewPassword = Password });
        foreach (var name in (string[])["data", "more", "much"])
        {
            await Rpc(0).Call("Create", new { Namespace = "admin", Name = name });
            await Cluster.Holds(name, "", 1);
        }

        var page = await browser.SignedIn(Cluster.Nodes[0], "admin", Password, "/dots/admin/data");
        await Expect(page.Rows("Copies", "yes")).ToHaveCountAsync(3);
        var to = await Cluster.IdOf(1);
        await page.Button($"Hand over to {to}").ClickAsync();
        await page.Field("Type data to go on").FillAsync("data");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Hand over" }).ClickAsync();
        await Expect(page.Rows("Copies", to)).ToContainTextAsync("(controls it)");
        await Expect(page.Rows("History", "moved").First).ToContainTextAsync(to);
        await page.Link("Operations").ClickAsync();
        await Expect(page.Rows("Moves", "data").First).ToContainTextAsync(to);

        await page.Link("Dots").ClickAsync();
        foreach (var name in (string[])["more", "much"])
        {
            await page.Field($"Choose {name}").CheckAsync();
        }

        await page.Button("Set copies").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).Field("Copies").FillAsync("1");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Set" }).ClickAsync();
        await Expect(page.GetByText("2 of 2 dots done")).ToBeVisibleAsync();
        var happened = (JsonArray)(await Rpc(1).Call("History", new { Namespace = "admin", Name = "more" }))!;
        Assert.Equal("Kept on 1 node.", (string?)happened[0]!["Text"]);

        await page.Button("Delete").ClickAsync();
        await page.Field("Type delete 2 dots to go on").FillAsync("delete 2 dots");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Expect(page.Table("Dots").GetByRole(AriaRole.Row)).ToHaveCountAsync(2);
        Assert.Equal(["data"], ((JsonObject)(await Rpc(1).Call("List"))!["admin"]!).Select(dot => dot.Key));
    }

    [SkippableFact]
    public async Task A_dot_is_committed_branched_rolled_back_and_shared_through_nodes_that_do_not_control_it()
    {
        await Rpc(0).Call("UpdateUserPassword", new { Id = "admin", NewPassword = Password });
        await Rpc(0).Call("RegisterNewUser", new { Name = "bob", Email = "bob@example.com", Password });
        var page = await browser.SignedIn(Cluster.Nodes[1], "admin", Password, "/dots");
        await page.Button("New dot").ClickAsync();
        await page.Field("Name of the new dot").FillAsync("data");
        await page.Button("Create").ClickAsync();
        await Expect(page.Title()).ToHaveTextAsync("data");
        var file = Path.Combine(await Procured(0), "list");
        await Expect(page.Rows("Copies", "(controls it)")).ToContainTextAsync(await Cluster.IdOf(0));

        await File.WriteAllTextAsync(file, "one apple");
        await page.Commit("One apple");
        await File.WriteAllTextAsync(file, "two apples");
        await page.Commit("Two apples");
        await page.OnCommit("One apple", "Branch from here");
        await page.Field("Name of the branch").FillAsync("pears");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Branch", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Rowheader, new() { Name = "pears" })).ToBeVisibleAsync();
        await page.OnCommit("One apple", "Roll back to here");
        await page.Field("Type data to go on").FillAsync("data");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Roll back" }).ClickAsync();
        await Expect(page.Rows("Commits", "Two apples")).ToHaveCountAsync(0);
        Assert.Equal("one apple", await File.ReadAllTextAsync(file));

        var bob = await browser.SignedIn(Cluster.Nodes[2], "bob", Password, "/dots");
        await Expect(bob.GetByText("No dots yet.")).ToBeVisibleAsync();
        await page.Field("User to share it with").FillAsync("bob");
        await page.Button("Share").ClickAsync();
        await bob.Table("Dots").GetByRole(AriaRole.Link, new() { Name = "data" }).ClickAsync();
        await Expect(bob.Rows("Commits", "One apple")).ToBeVisibleAsync();
        await Expect(bob.Link("Nodes")).ToHaveCountAsync(0);
    }

    protected override Task<NodeCluster> Start()
    {
        Lanes.Require(Lanes.Browser);
        Lanes.Require(Lanes.Postgres);
        return NodeCluster.Start(3);
    }
}
