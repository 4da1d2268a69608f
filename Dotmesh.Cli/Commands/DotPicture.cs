using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>A dot as its cluster and this config file know it.</summary>
/// <param name="Branches">The master branch first, the others by name.</param>
/// <param name="Upstreams">Remote -> the dot there.</param>
internal sealed record DotPicture(
    DotName Dot, DotBranch Master, bool IsCurrent, string CurrentBranch, IReadOnlyList<BranchPicture> Branches, IReadOnlyList<(string, DotName)> Upstreams)
{
    public static async Task<DotPicture> Of(Run run, DotName dot)
    {
        var (client, remote) = (run.Client, run.RemoteName);
        var names = await client.Branches(dot, run.Stop);
        var current = run.BranchOf(dot);
        var branches = await Task.WhenAll(names.Order(StringComparer.Ordinal).Prepend("").Select(async name =>
        {
            var branch = await client.Get(await client.Lookup(dot, name, run.Stop), run.Stop);
            var containers = branch.BranchName == current ? await client.Containers(dot, name, run.Stop) : [];
            return new BranchPicture(branch, [.. containers.Select(container => container.Name)], await Copies(run, dot, branch));
        }));
        var upstreams = run.Config.RemoteNames
            .Select(name => (name, There: run.Config.Upstream(name, dot)))
            .Where(found => found.There is not null).Select(found => (found.name, found.There!.Value)).ToList();
        return new DotPicture(dot, branches[0].Branch, run.Config.CurrentDot(remote) == dot, current, branches, upstreams);
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
