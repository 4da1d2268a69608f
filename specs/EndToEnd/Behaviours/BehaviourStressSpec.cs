using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

/// <summary>Many commits at once and many moves, between the nodes of one cluster.</summary>
public abstract class BehaviourStressSpec : ThreeNodes
{
    private static readonly object Dot = new { Namespace = "admin", Name = "data", Branch = "" };

    protected abstract int Commits { get; }

    [SkippableFact]
    [Trait("Behaviour", "108")]
    public async Task Behaviour_108_all_of_the_many_commits_that_another_node_gets_at_once_are_in_its_log()
    {
        await Procured(0);
        await Rpc(0).Call("SetReplication", new { Namespace = "admin", Name = "data", Copies = 1 });
        var messages = Enumerable.Range(1, Commits).Select(number => $"number {number}").ToList();
        foreach (var message in messages)
        {
            await Rpc(0).Text("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = message });
        }

        await Rpc(0).Call("SetReplication", new { Namespace = "admin", Name = "data", Copies = 0 });
        await Moved(2);

        var log = (JsonArray)(await Rpc(2).Call("Commits", Dot))!;
        Assert.Equal(["Initial commit", .. messages], log.Select(commit => (string?)commit!["Metadata"]!["message"]));
        await Cluster.Holds("data", "", Commits + 1);
    }

    [SkippableFact]
    [Trait("Behaviour", "110")]
    public async Task Behaviour_110_a_dot_that_goes_round_five_nodes_eleven_times_has_its_files_at_each_stop()
    {
        await Cluster.Add(2);
        var path = await Procured(0);
        var names = new List<string>();
        for (var round = 0; round < 11; round++)
        {
            names.Add($"round{round:00}");
            await File.WriteAllTextAsync(Path.Combine(path, names[^1]), "there");
            for (var node = 0; node < 5; node++)
            {
                path = await Procured(node);
                Assert.Equal(names, Directory.GetFiles(path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
                Assert.Equal("there", await File.ReadAllTextAsync(Path.Combine(path, names[^1])));
            }
        }

        Assert.Equal(await Cluster.IdOf(4), await Master(1));
        Assert.Empty((JsonArray)(await Rpc(0).Call("Branches", Dot))!);
    }
}

/// <summary>On directory storage.</summary>
[Trait("Speed", "slow")]
public sealed class BehaviourStressDirectorySpec : BehaviourStressSpec
{
    protected override int Commits => 1000;

    protected override Task<NodeCluster> Start() => NodeCluster.Start(3);
}

/// <summary>On a zfs pool for each node.</summary>
[Trait("Speed", "slow")]
public sealed class BehaviourStressZfsSpec : BehaviourStressSpec
{
    // zfs-fuse loses the metadata of commits on the way: it is set again, for one after the other
    protected override int Commits => 200;

    protected override Task<NodeCluster> Start() => NodeCluster.StartOnPools(3);
}
