using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>All that the page of a dot shows.</summary>
public sealed record DotPicture(
    DotTree Tree, IReadOnlyList<BranchCommits> Branches, IReadOnlyDictionary<string, IReadOnlyList<string>> Containers,
    IReadOnlyDictionary<string, int>? Missing, IReadOnlyList<TransferEntry> Transfers)
{
    public IReadOnlyList<GraphLine> Lines { get; } = CommitGraph.Of(Branches);

    public IEnumerable<DotBranch> All => (Tree.OtherBranches ?? []).Prepend(Tree.MasterBranch);

    public long SizeBytes => All.Sum(branch => branch.SizeBytes);

    public long DirtyBytes => All.Sum(branch => branch.DirtyBytes);

    public int Commits => Branches.Sum(branch => branch.Commits.Count);

    public IEnumerable<string> UsedBy => Containers.Values.SelectMany(names => names).Distinct(StringComparer.Ordinal);

    /// <summary>What a rollback to a line's commit takes away, in words.</summary>
    public string LostBy(GraphLine line)
    {
        var dirty = All.FirstOrDefault(branch => branch.Id == line.Branch.Id)?.DirtyBytes ?? 0;
        var parts = new List<string>();
        if (line.Later > 0)
        {
            parts.Add($"{Texts.Count(line.Later, "later commit")} of {line.Branch.Name}");
        }

        if (dirty > 0)
        {
            parts.Add($"{Texts.Size(dirty)} that were never committed");
        }

        var lost = parts.Count == 0 ? "Nothing is lost: the branch is as it was at this commit." : $"Gone for good: {string.Join(" and ", parts)}.";
        var stopped = Containers.GetValueOrDefault(line.Branch.Id) is { Count: > 0 } names ? $" Stopped meanwhile and started again: {string.Join(", ", names)}." : "";
        return lost + stopped;
    }

    public static async Task<DotPicture> Read(DotmeshClient api, DotName dot, bool isAdmin, CancellationToken ct)
    {
        const int newest = 20;
        var all = await api.AllDots(ct);
        var tree = (all.Dots ?? []).FirstOrDefault(found => found.MasterBranch.Name == dot)
            ?? throw new DotmeshException(FailureKind.NotFound, $"There is no dot {dot}, or you may not see it.");
        var branches = (tree.OtherBranches ?? []).Prepend(tree.MasterBranch).ToList();
        var commits = await Task.WhenAll(branches.Select(branch => CommitsOf(api, dot, branch, ct)));
        var containers = await Task.WhenAll(branches.Select(branch => api.Containers(dot, branch.Branch, ct)));
        var missing = isAdmin ? (await api.MissingCommits(dot, "", ct)).ToDictionary(node => node.Key, node => node.Value.Length) : null;
        return new DotPicture(
            tree, commits,
            branches.Zip(containers).ToDictionary(
                pair => pair.First.Id, pair => (IReadOnlyList<string>)[.. pair.Second.Select(container => container.Name.TrimStart('/'))]),
            missing, await api.Transfers(dot, running: false, newest, ct));
    }

    private static async Task<BranchCommits> CommitsOf(DotmeshClient api, DotName dot, DotBranch branch, CancellationToken ct)
    {
        var commits = api.Commits(dot, branch.Branch, ct);
        var origin = branch.Branch.Length == 0 ? null : (await api.Path(dot, branch.Branch, ct)).Branches?.LastOrDefault()?.Branch.Origin;
        return new BranchCommits(branch.BranchName, branch.Id, origin, await commits);
    }
}
