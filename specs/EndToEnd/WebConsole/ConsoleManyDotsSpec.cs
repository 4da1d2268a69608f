using Dotmesh.Specs.Support;
using Dotmesh.Specs.Unit.WebConsole;
using Dotmesh.WebConsole.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Xunit;
using static Dotmesh.Specs.EndToEnd.WebConsole.PageWords;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>The real pages in a real browser, over a cluster that only says that it has 10,000 dots and one with 5,000 commits.</summary>
[Trait("Speed", "slow")]
public sealed class ConsoleManyDotsSpec(Browser browser) : IClassFixture<Browser>, IAsyncLifetime
{
    private const int Many = 10_000;
    private const int Drawn = 200;

    private readonly ScratchFolder _folder = new();
    private WebApplication? _application;
    private Uri _address = null!;

    public async Task InitializeAsync()
    {
        if (!Lanes.IsOn(Lanes.Browser))
        {
            return;
        }

        var cluster = Cluster(_folder.Path);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddDotmeshConsole(cluster);
        _application = builder.Build();
        _application.UseDotmeshConsole();
        await _application.StartAsync();
        _address = new Uri(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public async Task DisposeAsync()
    {
        if (_application is not null)
        {
            await _application.DisposeAsync();
        }

        _folder.Dispose();
    }

    [SkippableFact]
    public async Task Of_many_dots_and_commits_those_are_drawn_that_are_looked_at_and_a_search_finds_one()
    {
        Lanes.Require(Lanes.Browser);
        var page = await browser.Window();
        await page.GotoAsync(new Uri(_address, "/ui/dots").AbsoluteUri);
        await page.Enter("admin", "right");
        await Expect(page.GetByText("10,000 dots")).ToBeVisibleAsync();
        await Expect(page.Link("dot-00005")).ToBeVisibleAsync();
        Assert.InRange(await page.Table("Dots").GetByRole(AriaRole.Row).CountAsync(), 5, Drawn);

        await page.Field("Search").FillAsync("dot-07777");
        await Expect(page.GetByText("1 dot of 10,000")).ToBeVisibleAsync();
        await page.Field("Search").FillAsync("");
        await Expect(page.GetByText("10,000 dots")).ToBeVisibleAsync();
        await page.Field("Choose all that are shown").CheckAsync();
        await Expect(page.GetByText("10000 chosen")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Region, new() { Name = "Table of dots" }).EvaluateAsync("part => part.scrollTop = part.scrollHeight");
        await Expect(page.Link("dot-09999")).ToBeVisibleAsync();
        Assert.InRange(await page.Table("Dots").GetByRole(AriaRole.Row).CountAsync(), 5, Drawn);

        await page.Link("dot-09999").ClickAsync();
        await Expect(page.Locator(".figures").GetByText("5,000")).ToBeVisibleAsync();
        await Expect(page.Rows("Commits", "commit number 0 ")).ToBeVisibleAsync();
        Assert.InRange(await page.Table("Commits").GetByRole(AriaRole.Row).CountAsync(), 5, Drawn);
        await page.GetByRole(AriaRole.Region, new() { Name = "Table of commits" }).EvaluateAsync("part => part.scrollTop = part.scrollHeight");
        await Expect(page.Rows("Commits", "commit number 4999 ")).ToContainTextAsync("(head)");
        Assert.InRange((await page.Locator("figure polyline").GetAttributeAsync("points"))!.Length, 100, 6000);
    }

    internal static FakeCluster Cluster(string folder)
    {
        var dots = Enumerable.Range(0, Many).Select(at => new
        {
            Id = $"id-{at:00000}",
            Name = new { Namespace = "admin", Name = $"dot-{at:00000}" },
            Branch = "",
            Master = $"node-{at % 3}",
            SizeBytes = at * 1024L,
            DirtyBytes = at % 7 == 0 ? 100 : 0,
            CommitCount = 5000,
            ServerStates = new Dictionary<string, string> { [$"node-{at % 3}"] = "active" },
            ServerStatuses = new Dictionary<string, string> { [$"node-{at % 3}"] = "active, 5000 commits" },
        }).ToList();
        var commits = Enumerable.Range(0, 5000).Select(at => new
        {
            Id = $"commit-{at}",
            Metadata = new Dictionary<string, string> { ["message"] = $"commit number {at} ", ["author"] = "admin", ["timestamp"] = "1764273600000000000" },
        }).ToList();
        return new FakeCluster { KeyFolder = Path.Combine(folder, "keys") }
            .Answers("ListWithContainers", new { admin = dots.ToDictionary(dot => dot.Name.Name, dot => new { Volume = dot, Containers = Array.Empty<object>() }) })
            .Answers("AllDotsAndBranches", new { Dots = dots.Select(dot => new { MasterBranch = dot, OtherBranches = Array.Empty<object>(), Collaborators = Array.Empty<object>() }), Servers = Array.Empty<object>() })
            .Answers("Commits", commits)
            .Answers("CommitSizes", commits.Select((commit, at) => new { commit.Id, SizeBytes = at * 10L }))
            .Answers("Containers", Array.Empty<object>())
            .Answers("Transfers", Array.Empty<object>())
            .Answers("History", Array.Empty<object>())
            .Answers("Activity", Array.Empty<object>())
            .Answers("Nodes", Array.Empty<object>())
            .Answers("GetReplicationLatencyForBranch", new { });
    }
}
