using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>Two clusters of two nodes each: it does not matter which node is asked (contract 11.8).</summary>
/// <param name="typed">With <c>dm</c>.</param>
public abstract class BehaviourWrongNodeSpec(bool onPools, bool typed) : TwoClusters
{
    private readonly TwoClustersOfTwo _clusters = new(onPools);

    public override async Task DisposeAsync() => await _clusters.DisposeAsync();

    [SkippableFact]
    [Trait("Behaviour", "67")]
    public async Task Behaviour_67_a_push_that_another_node_is_asked_for_and_one_that_another_node_gets_arrive_and_are_on_both_nodes_there()
    {
        await Here.Create("data");
        await Here.Write("data", "one", "one", node: 0);
        await Here.Commit("data", "one");
        Side.Finished(await Here.Push(There, "data", from: 1, toNode: 0));
        await On(There, "data", ["one"]);

        await Here.Commits("data", "two");
        Side.Finished(await Here.Push(There, "data", from: 0, toNode: 1));
        await Here.Commits("data", "three");
        Side.Finished(await Here.Push(There, "data", from: 1, toNode: 1));

        await On(There, "data", ["one", "two", "three"]);
        Assert.Equal("three", await There.Read("data", "three", node: 1));
    }

    [SkippableFact]
    [Trait("Behaviour", "68")]
    public async Task Behaviour_68_a_clone_from_a_node_that_does_not_control_the_dot_and_a_pull_through_another_node_here_bring_all()
    {
        await There.Create("data");
        await There.Commits("data", "one");
        Side.Finished(await Here.Pull(There, "data", to: 0, fromNode: 1));
        await There.Commits("data", "two");
        Side.Finished(await Here.Pull(There, "data", to: 1, fromNode: 0));

        await On(Here, "data", ["one", "two"]);
        Assert.Equal("two", await Here.Read("data", "two", node: 1));
    }

    [SkippableFact]
    public async Task A_transfer_goes_on_when_its_dot_moves_to_another_node_and_when_the_node_that_runs_it_dies()
    {
        await Large(Here, "moving");
        var id = await Here.Begin("push", There, "moving", "moving", bytesPerSecond: 400_000);
        await Here.Moving(id);
        await Here.Procure("moving", node: 1);
        Side.Finished(await Here.Over(id));
        await On(There, "moving", ["large"]);

        await Large(Here, "dying");
        await Patience.Holds(async () => await Copied("dying") ? this : null, TimeSpan.FromSeconds(60), () => Here.Logs);
        var second = await Here.Begin("push", There, "dying", "dying", bytesPerSecond: 200_000, node: 1);
        await Here.Moving(second, node: 1);
        await Here.Nodes[0].Kill9();
        Side.Finished(await Here.Over(second, node: 1, limit: TimeSpan.FromSeconds(90)));
        await On(There, "dying", ["large"]);
    }

    private protected override Task<(Side Here, Side There)> Start() => _clusters.Start(typed);

    /// <summary>Whether every node has all commits; the log of a dot is the controlling node's, whoever is asked.</summary>
    private async Task<bool> Copied(string name)
    {
        var lag = (JsonObject)(await Here.Rpc().Call("GetReplicationLatencyForBranch", new { Namespace = "admin", Name = name, Branch = "" }))!;
        return lag.Count == Here.Nodes.Count && lag.All(node => ((JsonArray)node.Value!).Count == 0);
    }

    private static async Task On(Side side, string name, IReadOnlyList<string> log)
    {
        for (var node = 0; node < side.Nodes.Count; node++)
        {
            Assert.Equal(log, await side.Log(name, node: node));
        }
    }

    private static async Task Large(Side side, string name)
    {
        await side.Create(name);
        await File.WriteAllBytesAsync(
            Path.Combine(await side.Procure(name), "large"), System.Security.Cryptography.RandomNumberGenerator.GetBytes(1 << 20));
        await side.Commit(name, "large");
    }
}

public sealed class BehaviourWrongNodeDirectorySpec() : BehaviourWrongNodeSpec(onPools: false, typed: true);

public sealed class BehaviourWrongNodeZfsSpec() : BehaviourWrongNodeSpec(onPools: true, typed: false);
