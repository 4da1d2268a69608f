using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary><c>dm dot show</c> (contract 7.4).</summary>
internal static class DotShow
{
    private static readonly Option<bool> Scripting = Options.Flag("--scripting", "-H", "Scripting mode: a line for each fact, TABs between its words.");

    public static Verb Verb() => new Verb("show", "[-H] [DOT]", "Show a dot: its branches, their copies, and where it is exchanged with.", Word.Dot)
        .Example("dm dot show")
        .Example("dm dot show -H apples | grep masterBranchId | cut -f 2")
        .With(Scripting, Watch.Option)
        .Does(run =>
        {
            run.AtMost(1, "Please specify one dot only.");
            return Watch.Shown(run, () => Text(run));
        });

    private static async Task<string> Text(Run run)
    {
        var dot = run.Words is [var text] ? DotName.Parse(text) : await run.CurrentDot();
        var seen = await DotPicture.Of(run, dot);
        return run.Value(Scripting) ? Raw(seen) : run.Shown(Text(seen, run.Terminal), Json(seen), dot.Short);
    }

    private static string Text(DotPicture seen, Terminal terminal)
    {
        var text = new StringBuilder();
        text.Append($"Dot {seen.Dot}:\nMaster branch ID: {seen.Master.Id}\n");
        if (seen.IsCurrent)
        {
            text.Append("Dot is currently selected.\n");
        }

        text.Append($"Commits: {seen.Master.CommitCount}\n");
        text.Append($"Dot size: {Sizes.Text(seen.Master.SizeBytes)} ({(seen.Master.DirtyBytes > 0 ? $"{Sizes.Text(seen.Master.DirtyBytes)} dirty" : "all clean")})\n");
        text.Append("Branches:\n");
        foreach (var branch in seen.Branches)
        {
            var current = branch.Branch.BranchName == seen.CurrentBranch;
            var containers = branch.Containers.Length > 0 ? $" (containers: {string.Join(',', branch.Containers)})" : "";
            var line = $"{(current ? "*" : " ")} {branch.Branch.BranchName} ({branch.Branch.Id}){containers}";
            text.Append(terminal.Painted(line, current ? Paint.Green : Paint.None)).Append('\n');
            if (branch.Copies.Count > 0)
            {
                text.Append("   Replication Status:\n");
            }

            foreach (var copy in branch.Copies)
            {
                var state = copy.Missing.Length == 0 ? "is up to date" : $"is missing [{string.Join(' ', copy.Missing)}]";
                text.Append($"    server {copy.Node}{(copy.IsMaster ? " [MASTER]" : "         ")} (status: {copy.Status}) {state}\n");
            }
        }

        foreach (var (remote, there) in seen.Upstreams)
        {
            text.Append($"Tracks dot {there} on remote {remote}\n");
        }

        return text.ToString();
    }

    private static string Raw(DotPicture seen)
    {
        var text = new StringBuilder();
        Line("namespace", seen.Dot.Namespace);
        Line("name", seen.Dot.Name);
        Line("masterBranchId", seen.Master.Id);
        if (seen.IsCurrent)
        {
            Line("selected");
        }

        Line("commitCount", Number(seen.Master.CommitCount));
        Line("size", Number(seen.Master.SizeBytes));
        Line("dirty", Number(seen.Master.DirtyBytes));
        Line("currentBranch", seen.CurrentBranch);
        foreach (var branch in seen.Branches)
        {
            Line("branch", branch.Branch.Id, branch.Branch.BranchName);
            foreach (var container in branch.Containers)
            {
                Line("container", branch.Branch.BranchName, container);
            }

            foreach (var copy in branch.Copies)
            {
                Line(["latency", copy.Node, copy.IsMaster ? "master" : "replica", copy.Status, .. copy.Missing]);
            }
        }

        foreach (var (remote, there) in seen.Upstreams)
        {
            Line("defaultUpstreamDot", remote, there.ToString());
        }

        return text.ToString();

        void Line(params ReadOnlySpan<string> words) => text.AppendJoin('\t', words).Append('\n');
    }

    private static JsonObject Json(DotPicture seen)
    {
        var branches = new JsonArray();
        foreach (var branch in seen.Branches)
        {
            var copies = new JsonArray();
            foreach (var copy in branch.Copies)
            {
                copies.Add((JsonNode)new JsonObject
                {
                    ["node"] = copy.Node,
                    ["master"] = copy.IsMaster,
                    ["status"] = copy.Status,
                    ["missing"] = JsonText.Array(copy.Missing),
                });
            }

            branches.Add((JsonNode)new JsonObject
            {
                ["name"] = branch.Branch.BranchName,
                ["id"] = branch.Branch.Id,
                ["current"] = branch.Branch.BranchName == seen.CurrentBranch,
                ["commits"] = branch.Branch.CommitCount,
                ["sizeBytes"] = branch.Branch.SizeBytes,
                ["dirtyBytes"] = branch.Branch.DirtyBytes,
                ["containers"] = JsonText.Array(branch.Containers),
                ["copies"] = copies,
            });
        }

        var upstreams = new JsonObject();
        foreach (var (remote, there) in seen.Upstreams)
        {
            upstreams[remote] = there.ToString();
        }

        return new JsonObject
        {
            ["name"] = seen.Dot.ToString(),
            ["id"] = seen.Master.Id,
            ["selected"] = seen.IsCurrent,
            ["branches"] = branches,
            ["upstreams"] = upstreams,
        };
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
