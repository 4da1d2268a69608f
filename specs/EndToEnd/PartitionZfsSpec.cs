using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>A partition where the storage can forbid writing: three nodes on zfs pools, each with a network of its own (design D9).</summary>
[Trait("Speed", "slow")]
public sealed class PartitionZfsSpec
{
    private static readonly object Data = new { Namespace = "admin", Name = "data", Subdot = "__default__" };

    [SkippableFact]
    public async Task A_node_that_is_cut_off_closes_its_files_to_writers_and_hands_in_what_it_had()
    {
        await using var cluster = await NodeCluster.StartApartOnPools(3);
        var path = (string)(await cluster.Nodes[0].Rpc.Call("Procure", Data))!;
        await File.WriteAllTextAsync(Path.Combine(path, "kept"), "committed");
        await cluster.Nodes[0].Rpc.Call("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "kept" });
        await cluster.Holds("data", "", 2);

        await cluster.Cut(0, Cut.Everything);
        var written = 0;
        await Until(cluster, () => Task.FromResult(IsClosed(path, ref written)), "its files stay writable");
        Assert.Equal("committed", await File.ReadAllTextAsync(Path.Combine(path, "kept")));

        await cluster.Cut(0, Cut.None);
        await cluster.Sees(0, 3);
        var branch = "";
        await Until(
            cluster,
            async () =>
            {
                var branches = (JsonArray)(await cluster.Nodes[1].Rpc.Call("Branches", new { Namespace = "admin", Name = "data" }))!;
                branch = branches.Select(name => (string)name!).FirstOrDefault(name => name.Contains("-DIVERGED-", StringComparison.Ordinal)) ?? "";
                return branch.Length > 0;
            },
            "nothing was handed in");
        var handedIn = (string)(await cluster.Nodes[2].Rpc.Call("Procure", new { Namespace = "admin", Name = $"data@{branch}", Subdot = "__default__" }))!;
        Assert.Equal("not committed", await File.ReadAllTextAsync(Path.Combine(handedIn, $"dirty{written}")));
        path = (string)(await cluster.Nodes[0].Rpc.Call("Procure", Data))!;
        await File.WriteAllTextAsync(Path.Combine(path, "again"), "writable");
    }

    /// <summary>Makes files up to the one that is refused: zfs-fuse lets those that are there be written.</summary>
    private static bool IsClosed(string path, ref int written)
    {
        try
        {
            File.WriteAllText(Path.Combine(path, $"dirty{written + 1}"), "not committed");
            written++;
            return false;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static Task Until(NodeCluster cluster, Func<Task<bool>> condition, string otherwise) => Patience.Holds(
        async () => await condition() ? cluster : null,
        TimeSpan.FromSeconds(60),
        () => $"{otherwise}\n{string.Join("\n=====\n", cluster.Nodes.Select(node => node.Log))}");
}
