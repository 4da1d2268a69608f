using Dotmesh.Specs.EndToEnd.WebConsole;
using Dotmesh.Specs.Support;
using Microsoft.Playwright;

namespace Dotmesh.Bench;

/// <summary>The table of dots in a real browser, of a real node that has 10,000 of them.</summary>
internal static class ConsoleBench
{
    private const int Dots = 10_000;
    private const int AtOnce = 16;

    public static async Task<IReadOnlyList<Figure>> Run()
    {
        using var folder = new ScratchFolder();
        await using var node = await NodeProcess.Start(new NodeSetup(folder.Path));
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Dots), new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (at, _) => await node.Rpc.Call("Create", new { Namespace = "admin", Name = $"dot-{at:00000}" }));
        var browser = new Browser();
        await browser.InitializeAsync();
        try
        {
            var page = await browser.SignedIn(node, "/dots");
            await Assertions.Expect(page.GetByText("10,000 dots")).ToBeVisibleAsync();
            await Searched(page, 5);
            var searches = await Searched(page, 30);
            var opened = new List<double>();
            for (var round = 0; round < 5; round++)
            {
                await page.GotoAsync($"{node.Address}ui/account");
                await Assertions.Expect(page.Title()).ToHaveTextAsync("My account");
                opened.Add(await Measure.Time(async () =>
                {
                    await page.Link("Dots").ClickAsync();
                    await Assertions.Expect(page.Link("dot-00001")).ToBeVisibleAsync();
                }));
            }

            return
            [
                Figure.Below("console: a search in 10,000 dots, from the key to the row, middle", Measure.Middle(searches), 300, "ms"),
                Figure.Below("console: the same, worst of 30", searches[^1], 300, "ms"),
                Figure.Below("console: the page of 10,000 dots opened", Measure.Middle(opened), 2000, "ms"),
            ];
        }
        finally
        {
            await browser.DisposeAsync();
        }
    }

    /// <summary>Measured in the page, from the event of the key to the frame that shows the one row; sorted.</summary>
    private static async Task<List<double>> Searched(IPage page, int times)
    {
        var took = new List<double>();
        for (var round = 0; round < times; round++)
        {
            took.Add(await page.EvaluateAsync<double>(
                """
                name => new Promise(done => {
                  const box = document.getElementById("search");
                  const began = performance.now();
                  const look = () => {
                    const rows = [...document.querySelectorAll("table[aria-label=Dots] tbody a")];
                    if (rows.length === 1 && rows[0].textContent === name) done(performance.now() - began); else requestAnimationFrame(look);
                  };
                  box.value = name;
                  box.dispatchEvent(new Event("input", { bubbles: true }));
                  requestAnimationFrame(look);
                })
                """,
                $"dot-{round * 331:00000}"));
        }

        took.Sort();
        return took;
    }
}
