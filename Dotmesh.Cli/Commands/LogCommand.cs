using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>The commits of a branch, or of all branches as a tree (contract 7.4).</summary>
internal static class LogCommand
{
    private static readonly Option<bool> Graph = Options.Flag("--graph", null, "All branches as a tree, with sizes.");
    private static readonly Option<int> Last = Options.Number("--last", "-n", "Only the newest ones.", "COUNT");

    public static Verb Log() => new Verb("log", "[--graph] [BRANCH]", "Show the commits of the current branch, oldest first.", Word.Branch)
        .Example("dm log")
        .Example("dm log -n 3 master")
        .Example("dm log --graph", "all branches, where they begin, and what they take")
        .Example("dm log -o name | tail -1", "the id of the newest commit")
        .With(Graph, Last, Watch.Option)
        .Does(async run =>
        {
            run.AtMost(1, "Please specify one branch only.");
            if (run.Value(Graph) && (run.Format != OutputFormat.Table || run.Words.Length > 0 || run.Value(Last) > 0))
            {
                throw CommandFailure.Usage("--graph shows all branches as a picture: it goes with no BRANCH, -n or -o.");
            }

            if (run.Value(Watch.Option))
            {
                await Watch.Shown(run, () => Text(run));
            }
            else
            {
                await Pager.Show(run, await Text(run));
            }
        });

    private static async Task<string> Text(Run run)
    {
        var (dot, current) = await run.Current();
        if (run.Value(Graph))
        {
            return await BranchTree.Text(run, dot, current);
        }

        var commits = await run.Client.Commits(dot, run.Words.FirstOrDefault() ?? current, run.Stop);
        var shown = run.Value(Last) is > 0 and var most && most < commits.Length ? commits[^most..] : commits;
        return run.Format == OutputFormat.Table ? Text(shown, run.Terminal) : Shown.Text(shown, run.Format, run.Terminal);
    }

    private static readonly Listing<Commit> Shown = new(
        commit => commit.Id,
        commit =>
        {
            var metadata = new JsonObject();
            foreach (var (key, value) in commit.Metadata ?? [])
            {
                metadata[key] = value;
            }

            return new JsonObject { ["id"] = commit.Id, ["time"] = commit.Time?.ToString("O", CultureInfo.InvariantCulture), ["metadata"] = metadata };
        });

    private static string Text(IEnumerable<Commit> commits, Terminal terminal)
    {
        var text = new StringBuilder();
        foreach (var commit in commits)
        {
            text.Append(terminal.Painted($"commit {commit.Id}", Paint.Yellow)).Append('\n');
            text.Append($"author: {terminal.Plain(commit.Author)}\n");
            text.Append($"date: {commit["timestamp"]}\n");
            foreach (var (key, value) in (commit.Metadata ?? []).Where(pair => pair.Key is not ("author" or "timestamp" or "message")))
            {
                text.Append($"{key}: {terminal.Plain(value)}\n");
            }

            text.Append($"\n    {terminal.Plain(commit.Message)}\n\n");
        }

        return text.ToString();
    }
}
