using Dotmesh.Specs.Support;
using static Dotmesh.Bench.ManyDotsBench;

namespace Dotmesh.Bench;

/// <summary>Three nodes on directory storage with 10,000 dots: what must not grow with their number when a node comes or goes.</summary>
internal static class ManyDotsClusterBench
{
    public static async Task<IReadOnlyList<Figure>> Run()
    {
        // no copies: this is about the directory and the allocation
        await using var cluster = await NodeCluster.Start(3, ("DOTMESH__REPLICATION__COPIES", "1"));
        await Measure.Rate(Clients, (Dots / Clients) + 1, async (worker, at) =>
        {
            var number = (at * Clients) + worker;
            if (number < Dots)
            {
                await cluster.Nodes[number % 3].Rpc.Call("Create", new { Namespace = "admin", Name = Name(number) });
            }
        });
        var join = await Measure.Time(() => cluster.Add(1));
        var list = await Measure.Median(20, async _ => Complete(await cluster.Nodes[3].Rpc.Call("List")));
        var memory = Enumerable.Range(0, 4).Max(node => Memory(cluster.Nodes[node]));
        var leave = await Measure.Time(() => cluster.Nodes[3].Stop());
        return
        [
            Figure.Below("3 nodes, 10,000 dots: a fourth joins", join / 1000, 10, "s"),
            Figure.Below("3 nodes, 10,000 dots: List p50 of all four", list, 200, "ms"),
            Figure.Below("3 nodes, 10,000 dots: resident memory of the largest", memory, 600, "MB"),
            Figure.Below("3 nodes, 10,000 dots: a node without dots leaves", leave / 1000, 10, "s"),
        ];
    }
}
