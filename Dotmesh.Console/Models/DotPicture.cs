using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>All that the page of a dot shows.</summary>
public sealed record DotPicture(
    DotTree Tree, IReadOnlyList<BranchHistory> Branches, IReadOnlyDictionary<string, IReadOnlyList<string>> Containers,
    IReadOnlyDictionary<string, int>? Missing, IReadOnlyList<TransferEntry> Transfers, IReadOnlyDictionary<string, long> Sizes)
{
    public IReadOnlyList<GraphLine> Lines { get; } = CommitGraph.Of(Branches);

    /// <summary>The master branch first.</summary>
    public IReadOnlyList<string> BranchNames { get; } = [.. Branches.Select(history => history.Branch.BranchName)];

    /// <summary>Nodes that have it.</summary>
    public IReadOnlyList<CopyState> Copies { get; } = CopyState.Of(Tree.MasterBranch);

    public long SizeBytes => Tree.Branches.Sum(branch => branch.SizeBytes);

    public long DirtyBytes => Tree.Branches.Sum(branch => branch.DirtyBytes);

    public int Commits => Branches.Sum(branch => branch.Commits.Count);

    public IEnumerable<string> UsedBy => Containers.Values.SelectMany(names => names).Distinct(StringComparer.Ordinal);

    /// <summary>Commits of the master branch that a node lacks; what an admin is told exactly, others see by the counts.</summary>
    public int BehindOn(string node) =>
        Missing?.GetValueOrDefault(node) ?? Math.Max(0, Tree.MasterBranch.CommitCount - (Copies.FirstOrDefault(copy => copy.Node == node)?.Commits ?? 0));

    /// <summary>What a rollback to a line's commit takes away, in words.</summary>
    public string LostBy(GraphLine line)
    {
        var parts = new List<string>();
        if (line.Later > 0)
        {
            parts.Add($"{Texts.Count(line.Later, "later commit")} of {line.Branch.BranchName}");
        }

        if (line.Branch.DirtyBytes > 0)
        {
            parts.Add($"{Texts.Size(line.Branch.DirtyBytes)} that were never committed");
        }

        var lost = parts.Count == 0 ? "Nothing is lost: the branch is as it was at this commit." : $"Gone for good: {string.Join(" and ", parts)}.";
        var stopped = Containers.GetValueOrDefault(line.Branch.Id) is { Count: > 0 } names ? $" Stopped meanwhile and started again: {string.Join(", ", names)}." : "";
        return lost + stopped;
    }

    /// <param name="all">As <see cref="DotmeshClient.AllDots"/> answers.</param>
    /// <param name="known">Sizes of commits that were read before.</param>
    public static async Task<DotPicture> Read(DotmeshClient api, DotName dot, DotsAndServers all, IReadOnlyDictionary<string, long> known, bool isAdmin, CancellationToken ct)
    {
        const int newest = 20;
        var tree = (all.Dots ?? []).FirstOrDefault(found => found.MasterBranch.Name == dot)
            ?? throw new DotmeshException(FailureKind.NotFound, $"There is no dot {dot}, or you may not see it.");
        var branches = tree.Branches.ToList();
        var commits = await Task.WhenAll(branches.Select(branch => api.History(branch, ct)));
        var containers = await Task.WhenAll(branches.Select(branch => api.Containers(dot, branch.Branch, ct)));
        var sizes = await Task.WhenAll(commits.Select(history => SizesOf(api, history, known, ct)));
        var missing = isAdmin ? (await api.MissingCommits(dot, "", ct)).ToDictionary(node => node.Key, node => node.Value.Length) : null;
        return new DotPicture(
            tree, commits,
            branches.Zip(containers).ToDictionary(
                pair => pair.First.Id, pair => (IReadOnlyList<string>)[.. pair.Second.Select(container => container.PlainName)]),
            missing, await api.Transfers(dot, running: false, newest, ct),
            // by commit, whatever branch it is of
            sizes.SelectMany(of => of).DistinctBy(size => size.Key).ToDictionary(StringComparer.Ordinal));
    }

    /// <summary>They never change: nothing is asked for while there is no commit that is not known yet.</summary>
    private static async Task<IEnumerable<KeyValuePair<string, long>>> SizesOf(
        DotmeshClient api, BranchHistory history, IReadOnlyDictionary<string, long> known, CancellationToken ct)
    {
        if (!history.Commits.All(commit => known.ContainsKey(commit.Id)))
        {
            try
            {
                return await api.CommitSizes(history.Branch.Name, history.Branch.BranchName, ct);
            }
            catch (DotmeshException)
            {
                // a node of an older version cannot tell them; the rest of the page is worth more than they are
            }
        }

        return history.Commits.Where(commit => known.ContainsKey(commit.Id)).Select(commit => KeyValuePair.Create(commit.Id, known[commit.Id]));
    }
}
