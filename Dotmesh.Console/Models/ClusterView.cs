using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>What the overview shows. For who is not admin there are no nodes in it.</summary>
public sealed record ClusterView(IReadOnlyList<Node>? Nodes, IReadOnlyList<DotRow> Dots, IReadOnlyList<TransferEntry> Transfers)
{
    private const int Sick = 3;

    public int NodesUp => Nodes?.Count(node => node.State == "up") ?? 0;

    public long PoolBytes => Nodes?.Sum(node => node.PoolSizeBytes) ?? 0;

    public long FreeBytes => Nodes?.Sum(node => node.PoolFreeBytes) ?? 0;

    public int InUse => Dots.Count(dot => dot.Containers.Count > 0);

    public int Dirty => Dots.Count(dot => dot.DirtyBytes > 0);

    public IEnumerable<TransferEntry> Running => Transfers.Where(entry => !entry.Transfer.IsOver());

    /// <summary>The last ones that failed.</summary>
    public IEnumerable<TransferEntry> Failed => Transfers.Where(entry => entry.Transfer.IsFailed()).Take(Sick);

    /// <summary>One sentence, worst first; null when all is well.</summary>
    public string? Trouble
    {
        get
        {
            if (Nodes is null)
            {
                return null;
            }

            var away = Nodes.Where(node => node.State != "up").Select(node => node.Id).ToList();
            var pools = Nodes.Where(node => node.State == "up" && node.PoolHealth is not ("" or "ONLINE" or "online")).Select(node => $"{node.Pool} on {node.Id} is {node.PoolHealth}").ToList();
            return away.Count > 0 && 2 * away.Count >= Nodes.Count
                ? $"{Texts.Count(away.Count, "node")} of {Nodes.Count} are away ({string.Join(", ", away)}): what is left may not be enough to take decisions."
                : away.Count > 0 ? $"Away: {string.Join(", ", away)}. Its dots are taken over by the others."
                : pools.Count > 0 ? string.Join("; ", pools)
                : null;
        }
    }

    public static async Task<ClusterView> Read(DotmeshClient api, bool isAdmin, CancellationToken ct)
    {
        const int newest = 50;
        var nodes = isAdmin ? api.Nodes(ct) : null;
        var dots = api.ListWithContainers(ct);
        var transfers = api.Transfers(null, running: false, newest, ct);
        return new ClusterView(nodes is null ? null : await nodes, [.. (await dots).Select(DotRow.Of)], await transfers);
    }
}
