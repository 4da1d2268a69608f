using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>What the overview shows. For who is not admin there are no nodes in it.</summary>
public sealed record ClusterView(
    IReadOnlyList<Node>? Nodes, IReadOnlyList<DotRow> Dots, IReadOnlyList<TransferEntry> Transfers, IReadOnlyList<LogEntry> Commits)
{
    private const int Shown = 5;

    public int NodesUp => Nodes?.Count(node => node.IsUp) ?? 0;

    /// <summary>How many nodes reach the database.</summary>
    public int WithDatabase => Nodes?.Count(node => node.IsUp && !node.LacksDatabase) ?? 0;

    public long PoolBytes => Nodes?.Sum(node => node.PoolSizeBytes) ?? 0;

    public long FreeBytes => Nodes?.Sum(node => node.PoolFreeBytes) ?? 0;

    public int InUse => Dots.Count(dot => dot.Containers.Count > 0);

    public int Dirty => Dots.Count(dot => dot.DirtyBytes > 0);

    public int Behind => Dots.Count(dot => dot.Lag > 0);

    /// <summary>Dots with a copy that lacks commits, the worst first.</summary>
    public IEnumerable<DotRow> Lagging => Dots.Where(dot => dot.Lag > 0).OrderByDescending(dot => dot.Lag).ThenBy(dot => dot.Name.ToString(), StringComparer.Ordinal).Take(Shown);

    public IEnumerable<TransferEntry> Running => Transfers.Where(entry => !entry.Transfer.IsOver());

    /// <summary>The last ones that failed.</summary>
    public IEnumerable<TransferEntry> Failed => Transfers.Where(entry => entry.Transfer.IsFailed()).Take(Shown);

    /// <summary>What is wrong, worst first; empty when all is well.</summary>
    public IReadOnlyList<string> Troubles => Nodes is null ? [] : [.. Quorum(Nodes), .. Databases(Nodes), .. Pools(Nodes)];

    private static IEnumerable<string> Quorum(IReadOnlyList<Node> nodes)
    {
        var away = nodes.Where(node => !node.IsUp).Select(node => node.Id).ToList();
        if (away.Count > 0 && 2 * away.Count >= nodes.Count)
        {
            yield return $"{Texts.Count(away.Count, "node")} of {nodes.Count} away ({string.Join(", ", away)}): what is left may not be enough to take decisions.";
        }
        else if (away.Count > 0)
        {
            yield return $"Away: {string.Join(", ", away)}. Dots of a node that stays away are taken over by the others.";
        }
    }

    private static IEnumerable<string> Databases(IReadOnlyList<Node> nodes)
    {
        var without = nodes.Where(node => node.LacksDatabase).Select(node => node.Id).ToList();
        if (without.Count > 0)
        {
            yield return $"The database does not answer {string.Join(", ", without)}: nothing can be committed or changed there until it does.";
        }
    }

    private static IEnumerable<string> Pools(IReadOnlyList<Node> nodes)
    {
        foreach (var node in nodes.Where(node => node.IsUp))
        {
            if (node.PoolHealth is not ("" or "ONLINE" or "online"))
            {
                yield return $"The pool {node.Pool} on {node.Id} is {node.PoolHealth}.";
            }

            if (node.HasLittleSpace)
            {
                yield return $"The pool {node.Pool} on {node.Id} is nearly full: {Texts.Size(node.PoolFreeBytes)} of {Texts.Size(node.PoolSizeBytes)} free.";
            }
        }
    }

    public static async Task<ClusterView> Read(DotmeshClient api, bool isAdmin, CancellationToken ct)
    {
        const int newest = 50;
        const int commits = 8;
        var nodes = isAdmin ? api.Nodes(ct) : null;
        var dots = api.ListWithContainers(ct);
        var transfers = api.Transfers(null, running: false, newest, ct);
        var committed = api.Activity("committed", 0, commits, ct);
        return new ClusterView(
            nodes is null ? null : await nodes, [.. (await dots).Select(DotRow.Of)], await Told(transfers), await Told(committed));
    }

    /// <summary>While the database is away this page has to tell just that, of what is known without it.</summary>
    private static async Task<T[]> Told<T>(Task<T[]> asked)
    {
        try
        {
            return await asked;
        }
        catch (DotmeshException away) when (away.Kind is FailureKind.Unavailable or FailureKind.Expired)
        {
            return [];
        }
    }
}
