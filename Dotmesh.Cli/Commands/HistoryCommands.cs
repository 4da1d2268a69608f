using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>What happened to a dot or a transfer, and who wanted it.</summary>
internal static class HistoryCommands
{
    private const int ShownByDefault = 100;

    private static readonly Option<int> Most = Options.Number("--last", "-n", "The newest ones only (100).", "COUNT");

    public static Verb OfDot() => new Verb("history", "[DOT]", "What happened to a dot, newest first: who did what, and when.", Word.Dot)
    {
        Remarks = "It tells of commits, branches, rollbacks, of who shares it, and of the nodes that it moved to.",
    }
        .Example("dm dot history")
        .Example("dm dot history -n 5 apples")
        .With(Most)
        .Does(async run =>
        {
            run.AtMost(1, "Please specify one dot only.");
            var dot = run.Words is [var text] ? DotName.Parse(text) : await run.CurrentDot();
            Show(run, await run.Client.History(dot, 0, Count(run), run.Stop));
        });

    public static Verb OfCluster() => new Verb("history", "", "What happened lately to the dots of the cluster, newest first.")
        .Example("dm cluster history")
        .With(Most)
        .Does(async run =>
        {
            run.NoWords();
            var entries = await run.Client.Activity("", 0, Count(run), run.Stop);
            run.Terminal.Out.Write((Shown with { Columns = [.. Shown.Columns[..2], Dot, .. Shown.Columns[2..]] }).Text(entries, run.Format, run.Terminal));
        });

    public static Verb OfTransfer() => new Verb("log", "ID", "What happened to a transfer, newest first.", Word.Transfer)
        .Example("dm transfers log 3f2c8e9a-...")
        .With(Most)
        .Does(async run =>
        {
            run.Exactly(1);
            Show(run, await run.Client.TransferLog(run.Words[0], 0, Count(run), run.Stop));
        });

    private static int Count(Run run) => run.Value(Most) is > 0 and var given ? given : ShownByDefault;

    private static void Show(Run run, LogEntry[] entries) => run.Terminal.Out.Write(Shown.Text(entries, run.Format, run.Terminal));

    private static readonly Column<LogEntry> Dot = new("DOT", entry => DotName.Parse(entry.Dot).Short);

    private static readonly Listing<LogEntry> Shown = new(
        entry => entry.Sequence.ToString(CultureInfo.InvariantCulture),
        entry => new JsonObject
        {
            ["sequence"] = entry.Sequence,
            ["at"] = entry.At,
            ["dot"] = entry.Dot,
            ["by"] = entry.By,
            ["event"] = entry.Event,
            ["branch"] = entry.Branch,
            ["commit"] = entry.Commit,
            ["text"] = entry.Text,
        },
        new("WHEN", entry => entry.At.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)),
        new("BY", entry => entry.By),
        new("EVENT", entry => entry.Event),
        new("BRANCH", entry => entry.Branch),
        new("COMMIT", entry => entry.Commit),
        new("WHAT", entry => entry.Text));
}
