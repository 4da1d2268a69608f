using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>The transfers of the current cluster: pushes and pulls that it runs or ran.</summary>
internal static class TransferCommands
{
    private const int ShownByDefault = 20;

    private static readonly Option<bool> All = Options.Flag("--all", "-a", "Those that are over, too.");
    private static readonly Option<int> Most = Options.Number("--last", "-n", "The newest ones only (20).", "COUNT");

    public static Verb Transfers() => new Verb("transfers", "", "List, watch, cancel and retry transfers.")
        .Example("dm transfers ls --all")
        .Example("dm transfers watch 3f2c8e9a-...", "come back to one that was interrupted here")
        .With(List(), WatchOne(), HistoryCommands.OfTransfer(), Cancel(), Retry());

    private static Verb List() => new Verb("ls", "[--all] [DOT]", "List transfers that are running, newest first.", Word.Dot)
        .Example("dm transfers ls")
        .Example("dm transfers ls --all apples")
        .With(All, Most, Watch.Option)
        .Does(run =>
        {
            run.AtMost(1, "Please specify one dot only.");
            return Watch.Shown(run, () => Text(run));
        });

    private static Verb WatchOne() => new Verb("watch", "ID", "Follow a transfer to its end.", Word.Transfer)
        .Ends(async run =>
        {
            run.Exactly(1);
            // an id that is not known is an answer here, not something to wait for
            await run.Client.GetTransfer(run.Words[0], run.Stop);
            return await TransferWatch.ToItsEnd(run, run.Words[0]);
        });

    private static Verb Cancel() => new Verb("cancel", "ID", "End a transfer; what is complete of it stays.", Word.Transfer) { Changes = true }
        .Does(run =>
        {
            run.Exactly(1);
            return run.Client.CancelTransfer(run.Words[0], run.Stop);
        });

    private static Verb Retry() => new Verb("retry", "ID", "Run a transfer that failed once more, and follow it.", Word.Transfer) { Changes = true }
        .Ends(async run =>
        {
            run.Exactly(1);
            await run.Client.RetryTransfer(run.Words[0], run.Stop);
            return await TransferWatch.ToItsEnd(run, run.Words[0]);
        });

    private static async Task<string> Text(Run run)
    {
        DotName? dot = run.Words is [var text] ? DotName.Parse(text) : null;
        var most = run.Value(Most) is > 0 and var given ? given : ShownByDefault;
        var entries = await run.Client.Transfers(dot, running: !run.Value(All), most, run.Stop);
        return entries.Length == 0 && run.Format == OutputFormat.Table
            ? run.Value(All) ? "No transfers.\n" : "No transfers are running. ('dm transfers ls --all' lists those that are over, too.)\n"
            : Shown.Text(entries, run.Format, run.Terminal);
    }

    internal static readonly Listing<TransferEntry> Shown = new(
        entry => entry.Transfer.TransferRequestId,
        Json,
        new("ID", entry => entry.Transfer.TransferRequestId),
        new("WHAT", entry => entry.Transfer.Direction),
        new("DOT", entry => Named(entry.Transfer.Local(), entry.Transfer.LocalBranchName)),
        new("PEER", entry => $"{entry.Transfer.Peer}:{Named(entry.Transfer.Remote(), entry.Transfer.RemoteBranchName)}"),
        new("STATUS", entry => entry.Transfer.Status),
        new("STEP", entry => entry.Transfer.Total == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{entry.Transfer.Index}/{entry.Transfer.Total}")),
        new("SENT", entry => entry.Transfer.Size == 0 ? "" : $"{Sizes.Exact(entry.Transfer.Sent)} of {Sizes.Exact(entry.Transfer.Size)}"),
        new("BY", entry => entry.AskedBy),
        new("SINCE", entry => entry.AskedAt.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)));

    private static string Named(DotName dot, string branch) => branch.Length == 0 ? dot.Short : $"{dot.Short}@{branch}";

    internal static JsonObject Json(Transfer transfer) => new()
    {
        ["id"] = transfer.TransferRequestId,
        ["direction"] = transfer.Direction,
        ["local"] = transfer.Local().ToString(),
        ["localBranch"] = transfer.LocalBranchName,
        ["peer"] = transfer.Peer,
        ["remote"] = transfer.Remote().ToString(),
        ["remoteBranch"] = transfer.RemoteBranchName,
        ["status"] = transfer.Status,
        ["message"] = transfer.Message,
        ["index"] = transfer.Index,
        ["total"] = transfer.Total,
        ["sizeBytes"] = transfer.Size,
        ["sentBytes"] = transfer.Sent,
    };

    private static JsonObject Json(TransferEntry entry)
    {
        var json = Json(entry.Transfer);
        json["askedBy"] = entry.AskedBy;
        json["askedAt"] = entry.AskedAt.ToString("O", CultureInfo.InvariantCulture);
        json["node"] = entry.Node;
        return json;
    }
}
