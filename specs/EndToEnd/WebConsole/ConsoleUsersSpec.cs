using Dotmesh.Specs.Support;
using Microsoft.Playwright;
using Xunit;
using static Dotmesh.Specs.EndToEnd.WebConsole.PageWords;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>Users and what they may, on pages.</summary>
[Trait("Speed", "slow")]
public sealed class ConsoleUsersSpec(Browser browser) : IClassFixture<Browser>, IAsyncLifetime
{
    private readonly ScratchFolder _folder = new();
    private NodeProcess _node = null!;

    public async Task InitializeAsync()
    {
        if (Lanes.IsOn(Lanes.Browser))
        {
            _node = await NodeProcess.Start(new NodeSetup(_folder.Path));
        }
    }

    public async Task DisposeAsync()
    {
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }

        _folder.Dispose();
    }

    [SkippableFact]
    public async Task Admin_makes_a_user_who_sees_what_is_shared_and_changes_what_is_the_own()
    {
        Lanes.Require(Lanes.Browser);
        await _node.Rpc.Call("Create", new { Namespace = "admin", Name = "secret" });
        await _node.Rpc.Call("Create", new { Namespace = "admin", Name = "common" });
        var admin = await browser.SignedIn(_node, "/users");
        await admin.Field("User name").FillAsync("bob");
        await admin.Field("E-mail").FillAsync("bob@example.com");
        await admin.Field("Password").FillAsync("bob is great");
        await admin.Button("Add").ClickAsync();
        await admin.Table("Users").GetByRole(AriaRole.Link, new() { Name = "bob" }).ClickAsync();
        await Expect(admin.Title()).ToHaveTextAsync("bob");
        await admin.Field("New e-mail").FillAsync("robert@example.com");
        await admin.Button("Change").ClickAsync();
        await Expect(admin.Locator("dl.facts")).ToContainTextAsync("robert@example.com");
        await admin.Field("Field").FillAsync("team");
        await admin.Field("Value").FillAsync("fruit");
        await admin.Button("Set field").ClickAsync();
        await Expect(admin.GetByText("team=fruit")).ToBeVisibleAsync();

        var bob = await browser.SignedIn(_node, "bob", "bob is great", "/dots");
        await Expect(bob.GetByText("No dots yet.")).ToBeVisibleAsync();
        await admin.GotoAsync($"{_node.Address}ui/dots/admin/common");
        await admin.Field("User to share it with").FillAsync("bob");
        await admin.Button("Share").ClickAsync();
        await Expect(bob.Table("Dots").GetByRole(AriaRole.Link)).ToHaveTextAsync("common");
        await bob.Table("Dots").GetByRole(AriaRole.Link).ClickAsync();
        await bob.Commit("By bob");
        await Expect(bob.Rows("History", "committed").First).ToContainTextAsync("bob");
        await bob.OnCommit("Initial commit", "Roll back to here");
        await bob.Field("Type common to go on").FillAsync("common");
        await bob.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Roll back" }).ClickAsync();
        await Expect(bob.GetByText("is not admin user").Or(bob.GetByText("Permission denied")).First).ToBeVisibleAsync();
        await Expect(bob.Rows("Commits", "By bob")).ToHaveCountAsync(1);
        await Expect(bob.Link("Settings")).ToHaveCountAsync(0);
        await bob.GotoAsync($"{_node.Address}ui/settings");
        await Expect(bob.Locator(".mud-alert")).ToContainTextAsync("is not admin user");

        await admin.Link("Users").ClickAsync();
        await admin.Table("Users").GetByRole(AriaRole.Link, new() { Name = "bob" }).ClickAsync();
        await admin.Field("New password").FillAsync("another one");
        await admin.Button("Set").ClickAsync();
        await Expect(bob.Field("User name")).ToBeVisibleAsync();
    }

    [SkippableFact]
    public async Task One_s_own_key_is_shown_once_and_the_old_one_is_refused_from_then_on()
    {
        Lanes.Require(Lanes.Browser);
        var old = NodeProcess.ReadKey(_node.Setup);
        var page = await browser.SignedIn(_node, "/account");
        await page.Button("Make a new key").ClickAsync();
        await page.Field("Type admin to go on").FillAsync("admin");
        await page.Button("Make it").ClickAsync();
        var key = await page.Locator("#api-key").TextContentAsync();

        Assert.NotEqual(old, key);
        using var with = new RpcClient(new Uri(_node.Address, "/rpc"), "admin", key!);
        Assert.Equal("admin", (string?)(await with.Call("CurrentUser"))!["Name"]);
        await page.Link("Overview").ClickAsync();
        await page.Link("My account").ClickAsync();
        await Expect(page.GetByText("API key").First).ToBeVisibleAsync();
        await Expect(page.GetByText(key!)).ToHaveCountAsync(0);
    }

    [SkippableFact]
    public async Task Settings_are_shown_with_where_they_come_from_and_a_secret_is_not()
    {
        Lanes.Require(Lanes.Browser);
        var page = await browser.SignedIn(_node, "/settings");
        await Expect(page.Rows("Options", "Rpc:DeadlineSeconds")).ToContainTextAsync("default");
        await page.Field("Search").FillAsync("referenceport");
        await Expect(page.Rows("Options", "Listen:ReferencePort")).ToContainTextAsync($"{_node.Setup.ReferencePort}");
        await Expect(page.Table("Options").GetByRole(AriaRole.Row)).ToHaveCountAsync(2);
    }
}
