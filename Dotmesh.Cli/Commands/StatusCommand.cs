using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary><c>dm status</c>: where one is, and whether all is well there.</summary>
internal static class StatusCommand
{
    private const int ShortId = 8;

    public static Verb Verb() => new Verb("status", "[--watch]", "Show the current dot: branch, newest commit, what is not committed, containers, copies, transfers.")
        .Example("dm status")
        .Example("dm status --watch")
        .Example("dm status -o json")
        .With(Watch.Option)
        .Does(run =>
        {
            run.NoWords();
            return Watch.Shown(run, () => Text(run));
        });

    private static async Task<string> Text(Run run)
    {
        var (dot, branch) = await run.Current();
        var picture = DotPicture.Of(run, dot, only: branch);
        var commits = run.Client.Commits(dot, branch, run.Stop);
        var transfers = Transfers(run, dot);
        await Task.WhenAll(picture, commits, transfers);
        var seen = new Seen(await picture, (await picture).Branches[0], (await commits).LastOrDefault(), await transfers);
        return run.Shown(Text(run, seen), Json(run, seen), dot.Short);
    }

    /// <summary>Original servers have no such list.</summary>
    private static async Task<TransferEntry[]> Transfers(Run run, DotName dot)
    {
        try
        {
            return await run.Client.Transfers(dot, running: true, most: 100, run.Stop);
        }
        catch (DotmeshException unknown) when (unknown.Kind is FailureKind.Invalid or FailureKind.Failed)
        {
            return [];
        }
    }

    private static string Text(Run run, Seen seen)
    {
        var (terminal, at) = (run.Terminal, seen.Branch);
        var text = new StringBuilder();
        text.Append($"On dot {terminal.Painted(seen.Picture.Dot.Short, Paint.Green)}, branch {terminal.Painted(at.Branch.BranchName, Paint.Green)}, of {run.RemoteName} ({run.Client.Remote})\n");
        text.Append(seen.Head is { } head
            ? $"Newest commit: {terminal.Painted(head.Id[..Math.Min(ShortId, head.Id.Length)], Paint.Yellow)} \"{terminal.Plain(head.Message.Split('\n')[0])}\" by {terminal.Plain(head.Author)}{Ago(run, head)}\n"
            : "No commits yet.\n");
        text.Append(at.Branch.DirtyBytes > 0
            ? terminal.Painted($"Not committed: {Sizes.Exact(at.Branch.DirtyBytes)}", Paint.Red) + "   (dm commit -m MESSAGE)\n"
            : "Nothing to commit.\n");
        text.Append($"Size: {Sizes.Exact(at.Branch.SizeBytes)}, {Sizes.Count(at.Branch.CommitCount, "commit")}, {Sizes.Count(seen.Picture.Names.Length + 1, "branch")}\n");
        text.Append($"Containers: {(at.Containers.Length == 0 ? "none" : string.Join(", ", at.Containers))}\n");
        foreach (var copy in at.Copies)
        {
            var state = copy.Missing.Length == 0 ? "up to date" : $"{Sizes.Count(copy.Missing.Length, "commit")} behind";
            var where = copy.IsMaster ? "controls it" : "copy";
            text.Append($"Node {copy.Node}: {where}, {terminal.Painted(state, copy.Missing.Length == 0 ? Paint.None : Paint.Yellow)}\n");
        }

        foreach (var (remote, there) in seen.Picture.Upstreams)
        {
            text.Append($"Exchanged with {there} of {remote}\n");
        }

        foreach (var entry in seen.Transfers)
        {
            var part = entry.Transfer.Size > 0 ? $", {Sizes.Exact(entry.Transfer.Sent)} of {Sizes.Exact(entry.Transfer.Size)}" : "";
            text.Append($"Transfer {entry.Transfer.TransferRequestId}: {entry.Transfer.Direction} {entry.Transfer.Peer}, {entry.Transfer.Status} {entry.Transfer.Index}/{entry.Transfer.Total}{part}\n");
        }

        return text.ToString();
    }

    private static string Ago(Run run, Commit commit) =>
        run.Terminal.OutIsTerminal && commit.Time is { } time && run.Clock.GetUtcNow() - time is { Ticks: > 0 } ago ? $", {Sizes.Duration(ago)} ago" : "";

    private static JsonObject Json(Run run, Seen seen)
    {
        var copies = new JsonArray();
        foreach (var copy in seen.Branch.Copies)
        {
            copies.Add((JsonNode)new JsonObject { ["node"] = copy.Node, ["master"] = copy.IsMaster, ["missing"] = JsonText.Array(copy.Missing) });
        }

        return new JsonObject
        {
            ["remote"] = run.RemoteName,
            ["dot"] = seen.Picture.Dot.ToString(),
            ["branch"] = seen.Branch.Branch.BranchName,
            ["head"] = seen.Head?.Id,
            ["message"] = seen.Head?.Message,
            ["time"] = seen.Head?.Time?.ToString("O", CultureInfo.InvariantCulture),
            ["dirtyBytes"] = seen.Branch.Branch.DirtyBytes,
            ["sizeBytes"] = seen.Branch.Branch.SizeBytes,
            ["commits"] = seen.Branch.Branch.CommitCount,
            ["containers"] = JsonText.Array(seen.Branch.Containers),
            ["copies"] = copies,
            ["transfers"] = JsonText.Array(seen.Transfers.Select(entry => entry.Transfer.TransferRequestId)),
        };
    }

    private sealed record Seen(DotPicture Picture, BranchPicture Branch, Commit? Head, TransferEntry[] Transfers);
}
