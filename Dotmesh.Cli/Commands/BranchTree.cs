using System.Globalization;
using System.Text;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>The branches of a dot as a tree: each below the commit at which it begins.</summary>
internal static class BranchTree
{
    private const int ShortId = 8;

    public static async Task<string> Text(Run run, DotName dot, string current)
    {
        var tree = ((await run.Client.AllDots(run.Stop)).Dots ?? []).FirstOrDefault(found => found.MasterBranch.Name == dot)
            ?? throw new CommandFailure(ExitCodes.NotFound, $"No such dot {dot.Short}: 'dm list' lists them.");
        return Draw(await run.AskEach([.. tree.Branches], branch => run.Client.History(branch, run.Stop)), current, run.Terminal);
    }

    /// <param name="branches">The master branch first.</param>
    internal static string Draw(IReadOnlyList<BranchHistory> branches, string current, Terminal terminal)
    {
        var text = new StringBuilder();
        var byOrigin = branches.Where(branch => branch.Origin is not null).ToLookup(branch => branch.Origin!);
        var drawn = new HashSet<string>(StringComparer.Ordinal);
        Branch(branches[0], "");
        // what begins at a commit that is not here any more
        foreach (var rest in branches.Where(branch => !drawn.Contains(branch.Branch.Id)).ToList())
        {
            Branch(rest, "");
        }

        return text.ToString();

        void Branch(BranchHistory branch, string indent)
        {
            if (!drawn.Add(branch.Branch.Id))
            {
                return;
            }

            var name = branch.Branch.BranchName;
            text.Append(terminal.Painted(name == current ? $"* {name}" : name, name == current ? Paint.Green : Paint.Cyan));
            text.Append($"  {Sizes.Count(branch.Commits.Count, "commit")}, {Sizes.Exact(branch.Branch.SizeBytes)}");
            text.Append(branch.Branch.DirtyBytes > 0 ? $", {Sizes.Exact(branch.Branch.DirtyBytes)} not committed\n" : "\n");
            for (var i = 0; i < branch.Commits.Count; i++)
            {
                var commit = branch.Commits[i];
                var below = byOrigin[new CommitPlace(branch.Branch.Id, commit.Id)].ToList();
                var last = i == branch.Commits.Count - 1;
                text.Append($"{indent}{(last ? "└─" : "├─")} {Line(commit, terminal)}\n");
                foreach (var child in below)
                {
                    var stem = indent + (last ? "   " : "│  ");
                    text.Append($"{stem}{(child == below[^1] ? "└─" : "├─")} ");
                    Branch(child, stem + (child == below[^1] ? "   " : "│  "));
                }
            }
        }
    }

    private static string Line(Commit commit, Terminal terminal)
    {
        var time = commit.Time?.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) ?? "";
        var message = commit.Message.Split('\n')[0];
        return $"{terminal.Painted(commit.Id[..Math.Min(ShortId, commit.Id.Length)], Paint.Yellow)}  {time}  {terminal.Plain(commit.Author)}  {terminal.Plain(message)}".TrimEnd();
    }
}
