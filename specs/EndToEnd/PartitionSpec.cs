using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// The network between three nodes and their database is cut (design D9): never two that accept commits for one dot, and nobody has to
/// restart anything afterwards. Node 0 controls the dot at first.
/// </summary>
[Trait("Speed", "slow")]
public sealed class PartitionSpec : ThreeNodes
{
    private readonly List<string> _acknowledged = [];
    private string _last = "";

    [SkippableTheory]
    [InlineData(Cut.Everything)]
    [InlineData(Cut.In)]
    [InlineData(Cut.Out)]
    public async Task A_controlling_node_that_is_cut_off_refuses_and_hands_in_what_only_it_has(Cut cut)
    {
        await Begin();
        var first = await Cluster.IdOf(0);
        await Cluster.Cut(0, cut);
        await File.WriteAllTextAsync(Path.Combine(await Mount(), "dirty"), "not committed");
        // it gets commits all the time; whether the first of them are taken is a matter of the lease
        var refusal = await Refused(0, "cut off");
        Names("database", refusal);
        await CommitTaken(1, "after the takeover");
        await Until(async () => await Master(2) != first, () => "node 2 has not heard of the takeover");
        Names("database", await Refused(0, "still cut off"));

        await Cluster.Cut(0, Cut.None);
        await Whole();
        var branch = await Diverged(1, 2, 0);
        var there = (JsonArray)(await Rpc(2).Call("Commits", new { Namespace = "admin", Name = "data", Branch = branch }))!;
        Assert.Equal(first, (string?)there[^1]!["Metadata"]!["diverged-node"]);
        var files = (string)(await Rpc(1).Call("Procure", new { Namespace = "admin", Name = $"data@{branch}", Subdot = "__default__" }))!;
        Assert.Equal("not committed", await File.ReadAllTextAsync(Path.Combine(files, "dirty")));
        await CommitTaken(0, "whole again");
        Assert.Superset(_acknowledged.ToHashSet(), new HashSet<string>([.. await Ids(0, ""), .. await Ids(0, branch)]));
        Assert.Equal(await Ids(0, ""), await Ids(1, ""));
    }

    [SkippableFact]
    public async Task A_node_without_the_database_loses_its_dots_and_comes_back_by_itself()
    {
        await Begin();
        var first = await Cluster.IdOf(0);
        await Cluster.Cut(0, Cut.Database);
        // the others may put it out while its journal still waits for the database
        Assert.Matches($"database|{first}", await Refused(0, "without the database"));
        await CommitTaken(1, "after the takeover");
        await Until(async () => await Master(2) != first, () => "node 2 has not heard of the takeover");
        Names("database", await Refused(0, "still without"));

        await Cluster.Cut(0, Cut.None);
        await Whole();
        await CommitTaken(0, "whole again");
        Assert.Superset(_acknowledged.ToHashSet(), (await Ids(0, "")).ToHashSet());
    }

    [SkippableTheory]
    [InlineData(Cut.Nodes)]
    [InlineData(Cut.FromNodes)]
    [InlineData(Cut.ToNodes)]
    public async Task A_node_that_holds_its_lease_keeps_its_dots_although_the_others_do_not_reach_it(Cut cut)
    {
        await Begin();
        var first = await Cluster.IdOf(0);
        await Cluster.Cut(0, cut);
        Names(first, await Refused(1, "through another"));
        // longer than any lease, and it is still the one
        for (var more = 0; more < 5; more++)
        {
            Names(first, await Refused(2, "through another"));
            await CommitTaken(0, $"directly {more}");
        }

        await Cluster.Cut(0, Cut.None);
        await Whole();
        Assert.Equal(first, await Master(1));
        await CommitTaken(1, "through another again");
        // one that was refused as lost on the way may have been done
        Assert.Equal(_acknowledged, (await Ids(2, "")).Where(_acknowledged.Contains));
        Assert.Empty((JsonArray)(await Rpc(0).Call("Branches", new { Namespace = "admin", Name = "data" }))!);
    }

    private async Task Begin()
    {
        await Mount();
        await CommitTaken(0, "before");
        await Cluster.Holds("data", "", 2);
    }

    private async Task<string> Mount() => Path.Combine(Cluster.Nodes[0].Setup.ContainerMountPrefix, "admin", "data", "__default__") is { } there
        && Directory.Exists(there)
            ? there
            : (string)(await Rpc(0).Call("Procure", new { Namespace = "admin", Name = "data", Subdot = "__default__" }))!;

    protected override Task<NodeCluster> Start() => NodeCluster.StartApart(3);

    /// <summary>All three are in one cluster and all copies are alike.</summary>
    private async Task Whole()
    {
        for (var node = 0; node < 3; node++)
        {
            await Cluster.Sees(node, 3);
        }
    }

    private async Task<bool> Commit(int node, string message)
    {
        try
        {
            _acknowledged.Add(await Rpc(node).Text("Commit", new { Namespace = "admin", Name = "data", Branch = "", Message = message }));
            return true;
        }
        catch (Exception refused) when (refused is RpcErrorException or HttpRequestException)
        {
            _last = refused.Message;
            return false;
        }
    }

    private Task CommitTaken(int node, string message) => Until(async () => await Commit(node, message), () => $"node {node} took no commit: {_last}");

    /// <summary>Commits until one is refused; answers why.</summary>
    private async Task<string> Refused(int node, string message)
    {
        await Until(async () => !await Commit(node, message), () => $"node {node} went on taking commits: {_last}");
        return _last;
    }

    private void Names(string what, string refusal) => Assert.True(
        refusal.Contains(what, StringComparison.Ordinal), $"{what} is not named in: {refusal}\n{Logs}");

    private async Task<List<string>> Ids(int node, string branch) =>
        [.. ((JsonArray)(await Rpc(node).Call("Commits", new { Namespace = "admin", Name = "data", Branch = branch }))!).Select(commit => (string)commit!["Id"]!)];
}
