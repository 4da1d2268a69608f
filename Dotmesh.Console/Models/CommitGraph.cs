using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>A line of the picture: a branch's name, or one of its commits.</summary>
/// <param name="Depth">Branches between it and master.</param>
/// <param name="Commit">Null for the line with the branch's name.</param>
/// <param name="IsHead">The newest commit of its branch.</param>
/// <param name="Later">Commits of the branch after it, which a rollback to it would take away.</param>
public sealed record GraphLine(int Depth, BranchHistory History, Commit? Commit, bool IsHead, int Later)
{
    public DotBranch Branch => History.Branch;
}

/// <summary>The commits of all branches as an indented list: a branch stands below the commit at which it begins. Pure.</summary>
public static class CommitGraph
{
    public static IReadOnlyList<GraphLine> Of(IReadOnlyList<BranchHistory> branches)
    {
        var lines = new List<GraphLine>();
        var byOrigin = branches.Where(branch => branch.Origin is not null).ToLookup(branch => branch.Origin!);
        var places = branches.SelectMany(branch => branch.Commits.Select(commit => new CommitPlace(branch.Branch.Id, commit.Id))).ToHashSet();
        // a branch whose origin is not to be seen stands beside master, rather than nowhere
        foreach (var root in branches.Where(branch => branch.Origin is not { } at || !places.Contains(at)))
        {
            Add(root, 0);
        }

        return lines;

        void Add(BranchHistory branch, int depth)
        {
            lines.Add(new GraphLine(depth, branch, null, false, 0));
            for (var at = 0; at < branch.Commits.Count; at++)
            {
                var (commit, later) = (branch.Commits[at], branch.Commits.Count - 1 - at);
                lines.Add(new GraphLine(depth, branch, commit, later == 0, later));
                foreach (var child in byOrigin[new CommitPlace(branch.Branch.Id, commit.Id)])
                {
                    Add(child, depth + 1);
                }
            }
        }
    }
}
