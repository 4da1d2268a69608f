using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>A branch of a dot with its own commits, oldest first.</summary>
/// <param name="Name"><c>master</c> for the master branch.</param>
/// <param name="Origin">Where it begins; null for the master branch.</param>
public sealed record BranchCommits(string Name, string Id, CommitPlace? Origin, IReadOnlyList<Commit> Commits);

/// <summary>A line of the picture: a branch's name, or one of its commits.</summary>
/// <param name="Depth">Branches between it and master.</param>
/// <param name="Commit">Null for the line with the branch's name.</param>
/// <param name="IsHead">The newest commit of its branch.</param>
/// <param name="Later">Commits of the branch after it, which a rollback to it would take away.</param>
public sealed record GraphLine(int Depth, BranchCommits Branch, Commit? Commit, bool IsHead, int Later);

/// <summary>The commits of all branches as an indented list: a branch stands below the commit at which it begins. Pure.</summary>
public static class CommitGraph
{
    public static IReadOnlyList<GraphLine> Of(IReadOnlyList<BranchCommits> branches)
    {
        var lines = new List<GraphLine>();
        var known = branches.SelectMany(branch => branch.Commits.Select(commit => (branch.Id, commit.Id))).ToHashSet();
        // a branch whose origin is not to be seen stands beside master, rather than nowhere
        foreach (var root in branches.Where(branch => branch.Origin is not { } at || !known.Contains((at.FilesystemId, at.SnapshotId))))
        {
            Add(root, 0, branches, lines);
        }

        return lines;
    }

    private static void Add(BranchCommits branch, int depth, IReadOnlyList<BranchCommits> all, List<GraphLine> lines)
    {
        lines.Add(new GraphLine(depth, branch, null, false, 0));
        for (var at = 0; at < branch.Commits.Count; at++)
        {
            var commit = branch.Commits[at];
            lines.Add(new GraphLine(depth, branch, commit, at == branch.Commits.Count - 1, branch.Commits.Count - 1 - at));
            foreach (var child in all.Where(other => other.Origin is { } origin && origin.FilesystemId == branch.Id && origin.SnapshotId == commit.Id))
            {
                Add(child, depth + 1, all, lines);
            }
        }
    }
}
