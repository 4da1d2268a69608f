using System.Net;
using Dotmesh.Specs.Support;
using Microsoft.Playwright;
using Xunit;
using static Dotmesh.Specs.EndToEnd.WebConsole.PageWords;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>The console as people use it: a real browser, a real node.</summary>
[Trait("Speed", "slow")]
public sealed class ConsoleSpec(Browser browser) : IClassFixture<Browser>, IAsyncLifetime
{
    private const string BobsPassword = "bob is great";

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
    public async Task Who_has_the_password_comes_in_and_who_has_a_key_or_guesses_does_not()
    {
        Lanes.Require(Lanes.Browser);
        var page = await browser.Window();
        await page.GotoAsync($"{_node.Address}ui/dots?q=app");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Dotmesh" })).ToBeVisibleAsync();

        foreach (var wrong in (string[])["a guess", NodeProcess.ReadKey(_node.Setup)])
        {
            await page.Enter("admin", wrong);
            await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("User name or password is not right.");
        }

        await page.Enter("admin", await AdminPassword());
        await Expect(page.Title()).ToHaveTextAsync("Dots");
        Assert.EndsWith("/ui/dots?q=app", page.Url, StringComparison.Ordinal);
        await Expect(page.Field("Search")).ToHaveValueAsync("app");

        var tab = await page.Context.NewPageAsync();
        await tab.GotoAsync($"{_node.Address}ui/nodes");
        await Expect(tab.Title()).ToHaveTextAsync("Nodes");
        await page.Button("Sign out").ClickAsync();
        await Expect(page.Field("User name")).ToBeVisibleAsync();
        await Expect(tab.Field("User name")).ToBeVisibleAsync();
        await page.GotoAsync($"{_node.Address}ui/dots");
        await Expect(page.Field("User name")).ToBeVisibleAsync();
    }

    [SkippableFact]
    public async Task Behind_a_proxy_that_ends_TLS_cookies_are_for_encrypted_ways_only()
    {
        Lanes.Require(Lanes.Browser);
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        foreach (var (scheme, secure) in ((string, bool)[])[("https", true), ("http", false)])
        {
            using var asked = new HttpRequestMessage(HttpMethod.Get, new Uri(_node.Address, "/ui/sign-in"));
            asked.Headers.Add("X-Forwarded-Proto", scheme);
            using var page = await http.SendAsync(asked);
            Assert.Equal(secure, string.Concat(page.Headers.GetValues("Set-Cookie")).Contains("secure", StringComparison.OrdinalIgnoreCase));
        }
    }

    [SkippableFact]
    public async Task A_dot_is_made_committed_branched_rolled_back_and_deleted()
    {
        Lanes.Require(Lanes.Browser);
        var page = await SignedIn("admin", await AdminPassword());
        await page.GetByRole(AriaRole.Link, new() { Name = "Make the first one" }).ClickAsync();
        await page.Field("Name of the new dot").FillAsync("apples");
        await page.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await Expect(page.Title()).ToHaveTextAsync("apples");

        var folder = await _node.Rpc.Text("Procure", new { Namespace = "admin", Name = "apples", Subdot = "__default__" });
        await File.WriteAllTextAsync(Path.Combine(folder, "list"), "one apple");
        await page.Commit("One apple");
        await File.WriteAllTextAsync(Path.Combine(folder, "list"), "two apples");
        await page.Commit("Two apples");

        await page.OnCommit("One apple", "Branch from here");
        await page.Field("Name of the branch").FillAsync("pears");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Branch", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Rowheader, new() { Name = "pears" })).ToBeVisibleAsync();

        await page.OnCommit("One apple", "Mount read-only");
        var mounted = page.GetByRole(AriaRole.Dialog);
        await Expect(mounted).ToContainTextAsync("Read-only at");
        var path = (await mounted.Locator("dd").Last.TextContentAsync())!.Trim();
        Assert.Equal("one apple", await File.ReadAllTextAsync(Path.Combine(path, "__default__", "list")));
        await mounted.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();

        await page.OnCommit("One apple", "Roll back to here");
        var dialog = page.GetByRole(AriaRole.Dialog);
        await Expect(dialog).ToContainTextAsync("Gone for good: 1 later commit of master");
        var goOn = dialog.GetByRole(AriaRole.Button, new() { Name = "Roll back" });
        await Expect(goOn).ToBeDisabledAsync();
        await dialog.Field("Type apples to go on").FillAsync("apples");
        await goOn.ClickAsync();
        await Expect(page.Rows("Commits", "Two apples")).ToHaveCountAsync(0);
        Assert.Equal("one apple", await File.ReadAllTextAsync(Path.Combine(folder, "list")));

        await Expect(page.Rows("History", "rolled back").First).ToContainTextAsync("admin");
        await Expect(page.Rows("History", "created")).ToHaveCountAsync(1);
        await page.Button("Delete this dot").ClickAsync();
        await Expect(dialog).ToContainTextAsync("2 commits in 2 branches");
        await dialog.Field("Type apples to go on").FillAsync("apples");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Expect(page.Title()).ToHaveTextAsync("Dots");
        await Expect(page.GetByText("No dots yet.")).ToBeVisibleAsync();
    }

    [SkippableFact]
    public async Task Who_is_not_admin_sees_the_own_dots_and_no_nodes_or_users()
    {
        Lanes.Require(Lanes.Browser);
        await _node.Rpc.Call("RegisterNewUser", new { Name = "bob", Email = "bob@example.com", Password = BobsPassword });
        await _node.Rpc.Call("Create", new { Namespace = "admin", Name = "secret" });
        await _node.Rpc.Call("Create", new { Namespace = "bob", Name = "own" });
        var page = await SignedIn("bob", BobsPassword);

        await page.GetByRole(AriaRole.Link, new() { Name = "Dots", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "bob/own" })).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "secret" })).ToHaveCountAsync(0);
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Users" })).ToHaveCountAsync(0);
        foreach (var (address, told) in ((string, string)[])[("users", "is not admin user"), ("nodes", "is not admin user"), ("dots/admin/secret", "you may not see it")])
        {
            await page.GotoAsync($"{_node.Address}ui/{address}");
            await Expect(page.GetByRole(AriaRole.Alert).Or(page.Locator(".mud-alert"))).ToContainTextAsync(told);
        }
    }

    [SkippableFact]
    public async Task A_page_shows_by_itself_what_others_change()
    {
        Lanes.Require(Lanes.Browser);
        var page = await SignedIn("admin", await AdminPassword());
        await page.GetByRole(AriaRole.Link, new() { Name = "Dots", Exact = true }).ClickAsync();
        await Expect(page.GetByText("No dots yet.")).ToBeVisibleAsync();

        await _node.Rpc.Call("Create", new { Namespace = "admin", Name = "appeared" });
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "appeared" })).ToBeVisibleAsync();
        await page.Field("Search").FillAsync("nothing like it");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "appeared" })).ToHaveCountAsync(0);
    }

    [SkippableFact]
    public async Task A_changed_password_ends_what_was_signed_in_with_the_old_one()
    {
        Lanes.Require(Lanes.Browser);
        await _node.Rpc.Call("RegisterNewUser", new { Name = "bob", Email = "bob@example.com", Password = BobsPassword });
        var page = await SignedIn("bob", BobsPassword);

        await _node.Rpc.Call("UpdateUserPassword", new { Id = "bob", NewPassword = "another one" });

        await page.GotoAsync($"{_node.Address}ui/dots");
        await Expect(page.Field("User name")).ToBeVisibleAsync();
        await page.Enter("bob", "another one");
        await Expect(page.Title()).ToHaveTextAsync("Dots");
    }

    [SkippableFact]
    public async Task Nothing_is_loaded_from_elsewhere_and_no_script_of_the_page_itself_runs()
    {
        Lanes.Require(Lanes.Browser);
        var page = await browser.Window();
        var elsewhere = new List<string>();
        var complaints = new List<string>();
        page.Request += (_, request) => elsewhere.Add(request.Url);
        page.Console += (_, said) =>
        {
            if (said.Type == "error")
            {
                complaints.Add(said.Text);
            }
        };
        await page.GotoAsync($"{_node.Address}ui");
        await page.Enter("admin", await AdminPassword());
        await Expect(page.Title()).ToHaveTextAsync("Overview");

        Assert.All(elsewhere, address => Assert.StartsWith($"{_node.Address}", address, StringComparison.Ordinal));
        Assert.Empty(complaints);
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var answer = await http.GetAsync(new Uri(_node.Address, "/ui/dots"));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Contains("default-src 'none'", string.Concat(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        using var forged = await http.PostAsync(
            new Uri(_node.Address, "/ui/sign-in"), new FormUrlEncodedContent([new("user", "admin"), new("password", await AdminPassword())]));
        Assert.False(forged.Headers.Contains("Set-Cookie") && string.Concat(forged.Headers.GetValues("Set-Cookie")).Contains("dotmesh-console=", StringComparison.Ordinal));
    }

    private Task<string> AdminPassword() => PageWords.AdminPassword(_node);

    private Task<IPage> SignedIn(string user, string password) => browser.SignedIn(_node, user, password);
}
