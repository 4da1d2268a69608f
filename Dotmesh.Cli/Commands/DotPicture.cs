using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>A dot as its cluster and this config file know it.</summary>
/// <param name="Names">Of all branches but master.</param>
/// <param name="Branches">The master branch first, the others by name; of one only, where only that was asked for.</param>
/// <param name="Upstreams">Remote -> the dot there.</param>
internal sealed record DotPicture(
    DotName Dot, bool IsCurrent, string CurrentBranch, string[] Names, IReadOnlyList<BranchPicture> Branches,
    IReadOnlyList<(string, DotName)> Upstreams)
{
    public DotBranch Master => Branches[0].Branch;

    /// <param name="only">Null: all branches.</param>
    public static async Task<DotPicture> Of(Run run, DotName dot, string? only = null)
    {
        var (remote, current) = (run.RemoteName, run.BranchOf(dot));
        var names = await run.Client.Branches(dot, run.Stop);
        string[] asked = only is null ? [DotmeshClient.MasterBranch, .. names.Order(StringComparer.Ordinal)] : [only];
        var branches = await run.AskEach(asked, name => Of(run, dot, name, withContainers: name == current));
        var upstreams = run.Config.RemoteNames
            .Select(name => (name, There: run.Config.Upstream(name, dot)))
            .Where(found => found.There is not null).Select(found => (found.name, found.There!.Value)).ToList();
        return new DotPicture(dot, run.Config.CurrentDot(remote) == dot, current, names, branches, upstreams);
    }

    private static async Task<BranchPicture> Of(Run run, DotName dot, string name, bool withContainers)
    {
        var branch = await run.Client.Get(await run.Client.Lookup(dot, name, run.Stop), run.Stop);
        var containers = withContainers ? await run.Client.Containers(dot, name, run.Stop) : [];
        return new BranchPicture(branch, [.. containers.Select(container => container.Name)], await Copies(run, dot, branch));
    }

    /// <summary>What each node lacks is told to admin only; others see which nodes have it.</summary>
    private static async Task<IReadOnlyList<CopyPicture>> Copies(Run run, DotName dot, DotBranch branch)
    {
        try
        {
            var missing = await run.Client.MissingCommits(dot, branch.Branch, run.Stop);
            return [.. missing.OrderBy(node => node.Key, StringComparer.Ordinal).Select(node => new CopyPicture(
                node.Key, node.Key == branch.Master, branch.ServerStatuses?.GetValueOrDefault(node.Key) ?? "unknown", node.Value ?? []))];
        }
        catch (DotmeshException denied) when (denied.Kind == FailureKind.Denied)
        {
            return [];
        }
    }
}

internal sealed record BranchPicture(DotBranch Branch, string[] Containers, IReadOnlyList<CopyPicture> Copies);

/// <param name="Missing">Commits that this node does not have yet.</param>
internal sealed record CopyPicture(string Node, bool IsMaster, string Status, string[] Missing);
