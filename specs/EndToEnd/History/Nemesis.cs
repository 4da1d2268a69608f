using Dotmesh.Specs.Support;

namespace Dotmesh.Specs.EndToEnd.History;

/// <summary>Does to a cluster what life does, one thing at a time, and mends it. The same seed does the same.</summary>
internal sealed class Nemesis(NodeCluster cluster, int seed, Action<string> say)
{
    private static readonly Cut[] Cuts = [Cut.Everything, Cut.Nodes, Cut.Database, Cut.In, Cut.Out];

    private readonly Random _random = new(seed);

    public async Task Round()
    {
        await Pause(500, 2500);
        var node = _random.Next(cluster.Nodes.Count);
        var fault = _random.Next(cluster.IsApart ? 11 : 8);
        switch (fault)
        {
            case 0 or 1 or 2:
                say($"kill -9 node {node}");
                await cluster.Nodes[node].Kill9();
                await Pause(100, 9000);
                await cluster.Restart(node);
                break;
            case 3 or 4 or 5:
                say($"freeze node {node}");
                await cluster.Nodes[node].Freeze();
                await Pause(500, 9000);
                cluster.Nodes[node].Thaw();
                break;
            case 6:
                say($"stop node {node}");
                await cluster.Nodes[node].Stop();
                await Pause(100, 3000);
                await cluster.Restart(node);
                break;
            case > 7:
                var cut = Cuts[_random.Next(Cuts.Length)];
                say($"cut node {node}: {cut}");
                await cluster.Cut(node, cut);
                await Pause(500, 9000);
                await cluster.Cut(node, Cut.None);
                break;
            default:
                say("kill the database");
                await cluster.Server.Kill();
                await Pause(100, 6000);
                await cluster.Server.Resume();
                break;
        }

        await Task.WhenAll(cluster.Nodes.Select(each => each.Ready()));
        say("mended");
    }

    private async Task Pause(int least, int most)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(_random.Next(least, most)));
        await timer.WaitForNextTickAsync();
    }
}
