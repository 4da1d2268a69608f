using Deque.AxeCore.Playwright;
using Dotmesh.Specs.EndToEnd.Transfers;
using Dotmesh.Specs.Support;
using Microsoft.Playwright;
using Xunit;
using static Dotmesh.Specs.EndToEnd.WebConsole.PageWords;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>Every page by the rules of axe-core, in both colour schemes, wide and narrow; and by keyboard alone.</summary>
[Trait("Speed", "slow")]
public sealed class ConsoleAccessSpec(Browser browser) : TwoNodesSpec(onPools: false), IClassFixture<Browser>
{
    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_page_has_a_serious_finding(bool dark)
    {
        Lanes.Require(Lanes.Browser);
        var pages = await ConsoleScene.Make(Here, There);
        var findings = new List<string>();
        var entry = await browser.Window(dark);
        await entry.GotoAsync($"{Here.Nodes[0].Address}ui");
        findings.AddRange(await Findings(entry, "sign-in"));
        var page = await browser.SignedIn(Here.Nodes[0], dark: dark);
        foreach (var (path, shows) in pages)
        {
            await page.GotoAsync($"{Here.Nodes[0].Address}ui{path}");
            await Expect(page.GetByText(shows).First).ToBeVisibleAsync();
            foreach (var width in (int[])[1280, 400])
            {
                await page.SetViewportSizeAsync(width, 900);
                // the menu goes by itself where there is no room for it
                await Expect(page.Locator(".mud-drawer--open")).ToHaveCountAsync(width < 500 ? 0 : 1);
                await Picture(page, $"{path} {(width < 500 ? "narrow" : "wide")} {(dark ? "dark" : "light")}");
                findings.AddRange(await Findings(page, $"{path} at {width}"));
                if (await page.EvaluateAsync<int>("document.documentElement.scrollWidth") is var wide && wide > width)
                {
                    findings.Add($"{path} is {wide} wide at {width}");
                }
            }
        }

        await page.SetViewportSizeAsync(1280, 900);
        await page.GotoAsync($"{Here.Nodes[0].Address}ui/dots/admin/apples");
        await page.OnCommit("Initial commit", "Roll back to here");
        await Expect(page.Field("Type apples to go on")).ToBeVisibleAsync();
        findings.AddRange(await Findings(page, "the dialog of a rollback"));
        Assert.True(findings.Count == 0, string.Join("\n", findings));
    }

    [SkippableFact]
    public async Task A_dot_is_made_committed_and_branched_without_a_mouse()
    {
        Lanes.Require(Lanes.Browser);
        var page = await browser.SignedIn(Here.Nodes[0], "/dots");
        await Expect(page.Button("New dot")).ToBeVisibleAsync();
        await Reach(page, "New dot");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Field("Name of the new dot")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("keys");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Title()).ToHaveTextAsync("keys");

        await page.Field("Message").FocusAsync();
        await page.Keyboard.TypeAsync("Typed");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Rows("Commits", "Typed")).ToBeVisibleAsync();
        await page.Rows("Commits", "Typed").GetByRole(AriaRole.Button).FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByText("Branch from here")).ToBeVisibleAsync();
        await Reach(page, "Branch from here", "ArrowDown");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Field("Name of the branch")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("side");
        await Reach(page, "Branch");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Rowheader, new() { Name = "side" })).ToBeVisibleAsync();
    }

    /// <summary>For the README, and for eyes: where <c>DOTMESH_SPEC_PICTURES</c> names a folder (the build's target Pictures does).</summary>
    private static async Task Picture(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("DOTMESH_SPEC_PICTURES") is { Length: > 0 } folder)
        {
            var file = string.Concat(name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-')).Trim('-');
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{file}.png"), FullPage = true });
        }
    }

    /// <summary>As somebody without a mouse goes.</summary>
    private static async Task Reach(IPage page, string button, string key = "Tab")
    {
        const int most = 80;
        for (var tried = 0; tried < most; tried++)
        {
            if (await page.EvaluateAsync<string>("document.activeElement?.textContent?.trim() ?? ''") == button)
            {
                return;
            }

            // the arrow keys of a menu take the way to the node and back
            var before = await page.EvaluateHandleAsync("document.activeElement");
            await page.Keyboard.PressAsync(key);
            await page.WaitForFunctionAsync("before => document.activeElement !== before", before);
        }

        Assert.Fail($"{button} is not reached by {key}");
    }

    private static async Task<IEnumerable<string>> Findings(IPage page, string where)
    {
        var result = await page.RunAxe();
        return result.Violations.Where(violation => violation.Impact is "serious" or "critical")
            .Select(violation => $"{where}: {violation.Id} ({violation.Help}) {string.Join(" | ", violation.Nodes.Select(node => node.Html))}");
    }
}
