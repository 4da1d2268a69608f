using Dotmesh.Specs.Support;
using Microsoft.Playwright;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>What people do on pages of the console, and what they look at.</summary>
internal static class PageWords
{
    public static ILocatorAssertions Expect(ILocator what) => Assertions.Expect(what);

    public static ILocator Title(this IPage page) => page.GetByRole(AriaRole.Heading, new() { Level = 1 });

    public static ILocator Link(this IPage page, string name) => page.GetByRole(AriaRole.Link, new() { Name = name, Exact = true });

    public static ILocator Button(this IPage page, string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    /// <summary>What is typed into or checked, by its label.</summary>
    public static ILocator Field(this IPage page, string label) => page.GetByLabel(label, new() { Exact = true });

    /// <inheritdoc cref="Field(IPage, string)"/>
    public static ILocator Field(this ILocator part, string label) => part.GetByLabel(label, new() { Exact = true });

    public static ILocator Table(this IPage page, string name) => page.GetByRole(AriaRole.Table, new() { Name = name, Exact = true });

    /// <summary>The rows of a table that have a text.</summary>
    public static ILocator Rows(this IPage page, string table, string text) => page.Table(table).GetByRole(AriaRole.Row).Filter(new() { HasText = text });

    public static async Task Enter(this IPage page, string user, string password)
    {
        await page.Field("User name").FillAsync(user);
        await page.Field("Password").FillAsync(password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
    }

    /// <summary>A window of its own, on a page of a node.</summary>
    public static async Task<IPage> SignedIn(this Browser browser, NodeProcess node, string user, string password, string path = "", bool dark = false)
    {
        var page = await browser.Window(dark);
        await page.GotoAsync($"{node.Address}ui{path}");
        await page.Enter(user, password);
        await Expect(page.Button("Sign out")).ToBeVisibleAsync();
        return page;
    }

    /// <summary>As admin of a node of its own.</summary>
    public static async Task<IPage> SignedIn(this Browser browser, NodeProcess node, string path = "", bool dark = false) =>
        await browser.SignedIn(node, "admin", await AdminPassword(node), path, dark);

    public static async Task<string> AdminPassword(NodeProcess node) => (await File.ReadAllTextAsync(node.Setup.PasswordFile)).Trim();

    public static async Task Commit(this IPage page, string message)
    {
        await page.Field("Message").FillAsync(message);
        await page.Button("Commit").ClickAsync();
        await Expect(page.Rows("Commits", message)).ToBeVisibleAsync();
    }

    /// <summary>Something of the menu of a commit.</summary>
    public static async Task OnCommit(this IPage page, string message, string action)
    {
        await page.Rows("Commits", message).GetByRole(AriaRole.Button).ClickAsync();
        await page.GetByText(action, new() { Exact = true }).ClickAsync();
    }

    /// <summary>Fills the form of a push or a pull.</summary>
    public static async Task FillExchange(this IPage page, NodeProcess there, string? dot = null)
    {
        await page.Field("Host of the other cluster").FillAsync("127.0.0.1");
        await page.Field("Port (empty: the usual ones)").FillAsync($"{there.Setup.ReferencePort}");
        await page.Field("API key there").FillAsync(NodeProcess.ReadKey(there.Setup));
        if (dot is not null)
        {
            await page.Field("Dot there (NAMESPACE/NAME)").FillAsync(dot);
        }
    }
}
