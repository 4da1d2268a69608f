using System.Text;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>What <c>dm cluster status</c> says; pure.</summary>
/// <param name="Failed">Branches that a node calls failed.</param>
/// <param name="Away">Branches whose controlling node does not answer.</param>
internal sealed record ClusterHealth(
    IReadOnlyList<Node> Nodes, int Dots, int Branches, long DirtyBytes, IReadOnlyList<string> Failed, IReadOnlyList<string> Away, int Transfers)
{
    private const int Shown = 10;

    public bool IsWell => Failed.Count == 0 && Away.Count == 0 && Nodes.All(node => node.IsUp && !node.LacksDatabase);

    public static ClusterHealth Of(IReadOnlyList<Node> nodes, IReadOnlyList<DotTree> dots, int transfers)
    {
        var branches = dots.SelectMany(dot => dot.Branches).ToList();
        var up = nodes.Where(node => node.IsUp).Select(node => node.Id).ToHashSet(StringComparer.Ordinal);
        return new ClusterHealth(
            nodes, dots.Count, branches.Count, branches.Sum(branch => branch.DirtyBytes),
            [.. branches.Where(branch => (branch.ServerStates ?? []).ContainsValue("failed")).Select(Named)],
            [.. branches.Where(branch => !up.Contains(branch.Master)).Select(Named)],
            transfers);
    }

    public string Text(Run run)
    {
        var text = new StringBuilder();
        text.Append($"Cluster {run.RemoteName} ({run.Client.Remote}): {(IsWell ? run.Terminal.Painted("healthy", Paint.Green) : run.Terminal.Painted("not healthy", Paint.Red))}\n");
        text.Append($"Nodes: {Nodes.Count(node => node.IsUp)} of {Nodes.Count} up\n");
        foreach (var node in Nodes)
        {
            text.Append($"  {node.Id}  {node.State}  {Sizes.Count(node.Dots, "dot")}  {string.Join(',', node.Addresses ?? [])}");
            text.Append(node.PoolSizeBytes == 0 ? "" : $"  {node.Storage}, {Sizes.Exact(node.PoolFreeBytes)} of {Sizes.Exact(node.PoolSizeBytes)} free");
            text.Append(node.HasLittleSpace ? run.Terminal.Painted("  LITTLE SPACE", Paint.Red) : "");
            text.Append(node.LacksDatabase ? run.Terminal.Painted("  DOES NOT REACH ITS DATABASE", Paint.Red) : "");
            text.Append('\n');
        }

        text.Append($"Dots: {Dots}, {Sizes.Count(Branches, "branch")}, {(DirtyBytes == 0 ? "all committed" : $"{Sizes.Exact(DirtyBytes)} not committed")}\n");
        text.Append($"Transfers running: {Transfers}\n");
        Names(text, "Failed", Failed);
        Names(text, "Controlled by a node that is away", Away);
        return text.ToString();
    }

    public JsonObject Json() => new()
    {
        ["healthy"] = IsWell,
        ["nodesUp"] = Nodes.Count(node => node.IsUp),
        ["nodes"] = Nodes.Count,
        ["dots"] = Dots,
        ["branches"] = Branches,
        ["dirtyBytes"] = DirtyBytes,
        ["failed"] = JsonText.Array(Failed),
        ["away"] = JsonText.Array(Away),
        ["transfersRunning"] = Transfers,
    };

    private static void Names(StringBuilder text, string what, IReadOnlyList<string> names)
    {
        if (names.Count > 0)
        {
            text.Append($"{what}: {string.Join(", ", names.Take(Shown))}{(names.Count > Shown ? $" and {names.Count - Shown} more" : "")}\n");
        }
    }

    private static string Named(DotBranch branch) => branch.Branch.Length == 0 ? branch.Name.Short : $"{branch.Name.Short}@{branch.Branch}";
}
