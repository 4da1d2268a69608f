using Dotmesh.Specs.Support;
using Microsoft.Playwright;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>The system's Chromium, without a window. One for a class of specs; each spec opens a window of its own.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async Task InitializeAsync()
    {
        if (!Lanes.IsOn(Lanes.Browser))
        {
            return;
        }

        // the first page of a node is slow where twenty other programs want the same two processors
        Assertions.SetDefaultExpectTimeout(60_000);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Programs.First(File.Exists),
            // as root there is no sandbox; the only pages are ours
            Args = ["--no-sandbox", "--disable-gpu"],
        });
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.CloseAsync();
        }

        _playwright?.Dispose();
    }

    /// <summary>A window without cookies.</summary>
    public async Task<IPage> Window(bool dark = false)
    {
        var context = await _browser!.NewContextAsync(new() { ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light, ReducedMotion = ReducedMotion.Reduce });
        var page = await context.NewPageAsync();
        page.SetDefaultTimeout(60_000);
        return page;
    }
}
