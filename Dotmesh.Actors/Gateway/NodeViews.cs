using System.Collections.Immutable;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Gateway;

/// <summary>
/// What the nodes know about filesystems, put together: this node's own from memory, the others' asked in parallel and
/// waited for no longer than the list's budget. A node that does not answer shows as <c>unknown</c> and delays nobody more.
/// </summary>
internal sealed partial class NodeViews(
    DotEnvironment env, Membership members, NodeAnswers here, ClusterParts? cluster, DotmeshSystemSettings settings)
{
    private const string Unknown = "unknown";

    /// <summary>Live nodes and their addresses, in the order of the first one.</summary>
    public ImmutableArray<NodeView> Nodes =>
    [
        .. members.Live
            .Select(live => new NodeView(live.Key, Addresses(live.Key, live.Value.Address.Host ?? "")))
            .OrderBy(node => node.Addresses[0], StringComparer.Ordinal).ThenBy(node => node.Id.Value, StringComparer.Ordinal),
    ];

    public Task<Outcome<ImmutableArray<StoredCommit>>> Commits(DotTarget target, CancellationToken ct) => OfController(
        target.Dot.Node, () => Task.FromResult<Outcome<ImmutableArray<StoredCommit>>>(here.Commits(target.Filesystem)), (link, node) => link.Commits(node, target.Filesystem, ct));

    public Task<Outcome<ImmutableArray<MeasuredCommit>>> CommitSizes(DotTarget target, CancellationToken ct) => OfController(
        target.Dot.Node, () => here.CommitSizes(target.Filesystem, ct), (link, node) => link.CommitSizes(node, target.Filesystem, ct));

    /// <summary>What the controlling node knows: this one, or another that is asked.</summary>
    private async Task<Outcome<T>> OfController<T>(
        StorageNodeId node, Func<Task<Outcome<T>>> mine, Func<INodeLink, StorageNodeId, Task<Outcome<T>>> ask) =>
        node == env.Node || cluster is null ? await mine()
        : members.IsLive(node) ? await ask(cluster.Link, node)
        : Refusals.NodeNotUp(node);

    public async Task<IReadOnlyList<DotView>> View(IReadOnlyCollection<DotTarget> targets, CancellationToken ct)
    {
        var filesystems = targets.Select(target => target.Filesystem).Distinct().ToImmutableArray();
        var nodes = members.Live.Keys.Append(env.Node).Distinct().ToList();
        var asked = await Task.WhenAll(nodes.Select(async node => (Node: node, Reports: await Reports(node, filesystems, ct))));
        var known = asked.ToDictionary(answer => answer.Node, answer => answer.Reports);
        return [.. targets.Select(target => View(target, known))];
    }

    public async Task<ImmutableSortedDictionary<string, string>> Dump(StorageNodeId node, string prefix, CancellationToken ct)
    {
        if (node == env.Node || cluster is null)
        {
            return here.Dump(prefix);
        }

        var answer = await Within(limited => cluster.Link.Dump(node, prefix, limited), node, ct);
        return answer.Refused(out _) ? ImmutableSortedDictionary<string, string>.Empty : answer.Value;
    }

    /// <summary>Those that are away too; one that was stopped in order and controls nothing is no part of the cluster any more.</summary>
    public async Task<IReadOnlyList<NodeReport>> Describe(CancellationToken ct)
    {
        var live = members.Live.Keys.Append(env.Node).ToHashSet();
        var dots = env.Directory.Dots.CountBy(row => row.Node).ToDictionary();
        var gone = (cluster?.Registry.Known ?? []).Where(node => !live.Contains(node.Id))
            .ToDictionary(node => node.Id, node => node.State == NodeState.Left ? NodeStanding.Left : NodeStanding.Away);
        var reports = await Task.WhenAll(live.Concat(gone.Keys).Concat(dots.Keys).Distinct()
            .Where(node => gone.GetValueOrDefault(node) != NodeStanding.Left || dots.ContainsKey(node))
            .Select(async node => new NodeReport(
                node, Addresses(node, ""), live.Contains(node) ? NodeStanding.Up : gone.GetValueOrDefault(node, NodeStanding.Away),
                dots.GetValueOrDefault(node), live.Contains(node) ? await Describe(node, ct) : null)));
        return [.. reports.OrderBy(report => report.Id.Value, StringComparer.Ordinal)];
    }

    private async Task<NodeDescription?> Describe(StorageNodeId node, CancellationToken ct)
    {
        var answer = await Within<NodeDescription>(
            async limited => node == env.Node || cluster is null ? await here.Describe(limited) : await cluster.Link.Describe(node, limited), node, ct);
        return answer.Refused(out _) ? null : answer.Value;
    }

    private static DotView View(
        DotTarget target, Dictionary<StorageNodeId, Dictionary<FilesystemId, FilesystemReport>?> known)
    {
        var servers = ImmutableSortedDictionary.CreateBuilder<string, ServerView>(StringComparer.Ordinal);
        foreach (var (node, reports) in known)
        {
            servers[node.Value] = reports is null
                ? new ServerView(Unknown, "node does not answer")
                : reports.GetValueOrDefault(target.Filesystem)?.View ?? new ServerView("missing", "missing, 0 commits");
        }

        if (!known.TryGetValue(target.Dot.Node, out var owner))
        {
            servers[target.Dot.Node.Value] = new ServerView(Unknown, "node is not up");
        }

        var report = owner?.GetValueOrDefault(target.Filesystem);
        return new DotView(
            target, report?.SizeBytes ?? 0, report?.DirtyBytes ?? 0, report?.CommitCount ?? 0, servers.ToImmutable())
        {
            Containers = Containers(target.Filesystem, known.Values),
        };
    }

    /// <summary>A container may run where the dot was before, on a node that lost it.</summary>
    private static ImmutableArray<ContainerUse> Containers(
        FilesystemId filesystem, IEnumerable<Dictionary<FilesystemId, FilesystemReport>?> known)
    {
        ImmutableArray<ContainerUse> all =
            [.. known.Select(reports => reports?.GetValueOrDefault(filesystem)).OfType<FilesystemReport>().SelectMany(report => report.Containers)];
        return all.Length < 2 ? all : [.. all.Distinct().OrderBy(use => use.Name, StringComparer.Ordinal)];
    }

    /// <summary>Null: no answer in time.</summary>
    private async Task<Dictionary<FilesystemId, FilesystemReport>?> Reports(
        StorageNodeId node, ImmutableArray<FilesystemId> filesystems, CancellationToken ct)
    {
        var reports = node == env.Node || cluster is null
            ? await here.Reports(filesystems, ct)
            : await Within(limited => cluster.Link.Reports(node, filesystems, limited), node, ct);
        return reports.Refused(out _) ? null : reports.Value.ToDictionary(report => report.Id);
    }

    private async Task<Outcome<T>> Within<T>(Func<CancellationToken, Task<Outcome<T>>> ask, StorageNodeId node, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(settings.ListBudget, env.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            return await ask(both.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return Refusals.NodeSilent(node, "in time");
        }
    }

    private ImmutableArray<string> Addresses(StorageNodeId node, string host)
    {
        var told = node == env.Node ? settings.Addresses : cluster?.Registry.Find(node)?.Addresses ?? [];
        return told.IsEmpty ? [host] : told;
    }
}
