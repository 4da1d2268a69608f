using Bunit;
using Dotmesh.Client;
using Dotmesh.WebConsole.Models;
using Dotmesh.WebConsole.Parts;
using Dotmesh.WebConsole.Parts.Dot;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using MudBlazor.Services;
using Xunit;

namespace Dotmesh.Specs.Unit.WebConsole;

/// <summary>Components by themselves, without a browser.</summary>
public sealed class PartsSpec : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero);

    private readonly BunitContext _page = new();
    private readonly FakeCluster _cluster = new();

    public async Task InitializeAsync()
    {
        _page.JSInterop.Mode = JSRuntimeMode.Loose;
        _page.Services.AddMudServices();
        _page.Services.AddSingleton(await _cluster.SignedIn());
    }

    public async Task DisposeAsync() => await _page.DisposeAsync();

    [Fact]
    public void An_operation_can_be_cancelled_while_it_runs_tried_again_when_it_failed_and_neither_when_it_is_done()
    {
        var rows = _page.Render<OperationRows>(with => with.Add(
            part => part.Entries, [Entry("one", "receiving", 1, 2), Entry("two", "error", 1, 2), Entry("three", "finished", 2, 2)]));

        Assert.Equal(["Cancel", "Try again"], rows.FindAll("button").Select(button => button.TextContent.Trim()));
        Assert.Contains("receiving, step 1 of 2: 1.00 KiB of 4.00 KiB", rows.Markup, StringComparison.Ordinal);

        rows.FindAll("button")[0].Click();
        rows.FindAll("button")[1].Click();
        rows.WaitForAssertion(() => Assert.Equal(["CancelTransfer one", "RetryTransfer two"], _cluster.Calls.Select(call => $"{call.Method} {call.Parameters!["TransferId"]}")));
    }

    [Fact]
    public async Task What_cannot_be_taken_back_wants_the_name_typed()
    {
        var dialogs = _page.Render<MudDialogProvider>();
        var asked = dialogs.InvokeAsync(() => _page.Services.GetRequiredService<IDialogService>().Typed("Delete apples", "All of it is gone.", "apples", "Delete"));
        dialogs.WaitForElement("#typed-name");
        Assert.Contains("All of it is gone.", dialogs.Markup, StringComparison.Ordinal);

        dialogs.Find("#typed-name").Input("apple");
        Assert.True(Button(dialogs, "Delete").HasAttribute("disabled"));
        dialogs.Find("#typed-name").Input("apples");
        await Button(dialogs, "Delete").ClickAsync(new());

        Assert.True(await asked);
    }

    [Fact]
    public async Task What_is_left_is_not_done()
    {
        var dialogs = _page.Render<MudDialogProvider>();
        var asked = dialogs.InvokeAsync(() => _page.Services.GetRequiredService<IDialogService>().Typed("Delete apples", "Gone.", "apples", "Delete"));
        dialogs.WaitForElement("#typed-name");
        await Button(dialogs, "Keep it").ClickAsync(new());
        Assert.False(await asked);
    }

    [Fact]
    public void History_is_turned_page_by_page_and_the_newest_stays_live()
    {
        _cluster.Answers("History", asked => Enumerable.Range(1, 2).Reverse().Select(at => Said((long)asked!["Before"]! - 3 + at)).ToArray());
        var history = _page.Render<DotHistory>(with => with.Add(part => part.Dot, new DotName("admin", "apples")).Add(part => part.Newest, [Said(6), Said(5)]));
        Assert.Equal(["event 6", "event 5"], Texts(history));

        Button(history, "Show what came before").Click();
        history.WaitForAssertion(() => Assert.Equal(["event 6", "event 5", "event 4", "event 3"], Texts(history)));

        history.Render(with => with.Add(part => part.Newest, [Said(7), Said(6)]));
        Assert.Equal(["event 7", "event 6"], Texts(history)[..2]);
        Button(history, "Show what came before").Click();
    }

    [Fact]
    public void A_choice_tells_what_was_chosen_and_nothing_for_all()
    {
        var told = new List<string?>();
        var choice = _page.Render<Choice>(with => with.Add(part => part.Label, "Node").Add(part => part.Values, ["n1", "n2"]).Add(part => part.Value, "n2").Add(part => part.Chosen, told.Add));
        Assert.Equal("n2", choice.Find("option[selected]").GetAttribute("value"));

        choice.Find("select").Change("n1");
        choice.Find("select").Change("");
        Assert.Equal(["n1", ""], told);
    }

    [Fact]
    public async Task A_bulk_change_tells_how_far_it_is_and_what_failed()
    {
        var run = new BulkRun([new("admin", "a"), new("admin", "b"), new("bob", "c")], "Delete");
        var bar = _page.Render<BulkProgress>(with => with.Add(part => part.Run, run));
        Assert.Contains("Delete: 0 of 3", bar.Markup, StringComparison.Ordinal);

        var seen = new List<int>();
        await run.Run(
            (dot, _) => dot.Name == "b" ? throw new DotmeshException(FailureKind.Conflict, "in use") : Task.CompletedTask,
            () =>
            {
                seen.Add(run.Done);
                return Task.CompletedTask;
            },
            default);

        bar.Render();
        Assert.Equal([1, 2, 3], seen);
        Assert.Contains("2 of 3 dots done", bar.Markup, StringComparison.Ordinal);
        Assert.Contains("<b>b</b>: in use", bar.Markup, StringComparison.Ordinal);
    }

    [Fact]
    public void A_push_is_begun_with_what_was_typed_and_a_port_that_is_none_is_told()
    {
        _cluster.Answers("Transfer", "t-1");
        var form = _page.Render<ExchangeForm>(with => with.Add(part => part.Direction, TransferRequest.Push).Add(part => part.Local, new DotName("admin", "apples")));
        form.Find("#peer").Input("far.example");
        form.Find("#peer-port").Input("99999");
        form.Find("#peer-key").Input("secret");
        form.Find("form").Submit();
        Assert.Contains("'99999' is not a port", _page.Services.GetRequiredService<ISnackbar>().ShownSnackbars.Single().Message, StringComparison.Ordinal);
        Assert.Empty(_cluster.Calls);

        form.Find("#peer-port").Input("6969");
        form.Find("#limit").Input("2");
        Assert.Contains("dm remote add there admin@far.example:6969 &amp;&amp; dm push there apples", form.Markup, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", form.Markup.Replace("value=\"secret\"", "", StringComparison.Ordinal), StringComparison.Ordinal);
        form.Find("form").Submit();
        form.WaitForAssertion(() => Assert.Single(_cluster.Calls));
        var sent = _cluster.Calls.Single().Parameters!;
        Assert.Equal(
            ("far.example", 6969, "secret", "push", "apples", "apples", 2 << 20),
            ((string?)sent["Peer"], (int)sent["Port"]!, (string?)sent["ApiKey"], (string?)sent["Direction"], (string?)sent["LocalName"], (string?)sent["RemoteName"], (int)sent["MaxBytesPerSecond"]!));
    }

    private static AngleSharp.Dom.IElement Button<T>(IRenderedComponent<T> part, string text)
        where T : Microsoft.AspNetCore.Components.IComponent =>
        part.FindAll("button").Single(button => button.TextContent.Trim() == text);

    private static string[] Texts(IRenderedComponent<DotHistory> history) =>
        [.. history.FindAll("tbody tr td:last-child").Select(cell => cell.TextContent)];

    private static LogEntry Said(long sequence) => new(sequence, Noon, "admin/apples", "admin", "committed", "master", "c", $"event {sequence}");

    private static TransferEntry Entry(string id, string status, int index, int total) => new(
        new Transfer
        {
            TransferRequestId = id,
            Direction = "push",
            LocalNamespace = "admin",
            LocalName = "apples",
            RemoteNamespace = "admin",
            RemoteName = "apples",
            Status = status,
            Index = index,
            Total = total,
            Size = 4096,
            Sent = 1024,
        },
        "admin", Noon, "node-1");
}
