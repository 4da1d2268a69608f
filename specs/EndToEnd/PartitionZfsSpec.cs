using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>A partition where the storage can forbid writing: three nodes on zfs pools, each with a network of its own (design D9).</summary>
[Trait("Speed", "slow")]
public sealed class PartitionZfsSpec : ThreeNodes
{
    private static readonly object Data = new { Namespace = "admin", Name = "data", Subdot = "__default__" };

    [SkippableFact]
    public async Task A_node_that_is_cut_off_closes_its_files_to_writers_and_hands_in_what_it_had()
    {
        var path = (string)(await Rpc(0).Call("Procure", Data))!;
        await File.WriteAllTextAsync(Path.Combine(path, "kept"), "committed");
        await Rpc(0).Call("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = "kept" });
        await Cluster.Holds("data", "", 2);

        await Cluster.Cut(0, Cut.Everything);
        var written = 0;
        await Until(() => Task.FromResult(IsClosed(path, ref written)), () => "its files stay writable");
        Assert.Equal("committed", await File.ReadAllTextAsync(Path.Combine(path, "kept")));

        await Cluster.Cut(0, Cut.None);
        await Cluster.Sees(0, 3);
        var branch = await Diverged(1, 2);
        var handedIn = (string)(await Rpc(2).Call("Procure", new { Namespace = "admin", Name = $"data@{branch}", Subdot = "__default__" }))!;
        Assert.Equal("not committed", await File.ReadAllTextAsync(Path.Combine(handedIn, $"dirty{written}")));
        path = (string)(await Rpc(0).Call("Procure", Data))!;
        await File.WriteAllTextAsync(Path.Combine(path, "again"), "writable");
    }

    protected override Task<NodeCluster> Start() => NodeCluster.StartApartOnPools(3);

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
}
