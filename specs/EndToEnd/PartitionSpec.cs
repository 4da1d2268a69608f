using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// The network between three nodes and their database is cut (design D9): never two that accept commits for one dot, and nobody has to
/// restart anything afterwards. Node 0 controls the dot at first.
/// </summary>
[Trait("Speed", "slow")]
public sealed class PartitionSpec : IAsyncLifetime
{
    private readonly List<string> _acknowledged = [];
    private NodeCluster? _cluster;
    private string _last = "";

    private NodeCluster Cluster => _cluster!;

    public async Task InitializeAsync() =>
        _cluster = Lanes.IsOn(Lanes.NetworkNamespaces) && Lanes.IsOn(Lanes.Postgres) ? await NodeCluster.StartApart(3) : null;

    public async Task DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }

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
        await Taken(1, "after the takeover");
        Assert.NotEqual(first, await Master(2));
        Names("database", await Refused(0, "still cut off"));

        await Cluster.Cut(0, Cut.None);
        await Whole();
        var branch = await Diverged();
        var there = (JsonArray)(await Rpc(2).Call("Commits", new { Namespace = "admin", Name = "data", Branch = branch }))!;
        Assert.Equal(first, (string?)there[^1]!["Metadata"]!["diverged-node"]);
        var files = (string)(await Rpc(1).Call("Procure", new { Namespace = "admin", Name = $"data@{branch}", Subdot = "__default__" }))!;
        Assert.Equal("not committed", await File.ReadAllTextAsync(Path.Combine(files, "dirty")));
        await Taken(0, "whole again");
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
        await Taken(1, "after the takeover");
        Assert.NotEqual(first, await Master(2));
        Names("database", await Refused(0, "still without"));

        await Cluster.Cut(0, Cut.None);
        await Whole();
        await Taken(0, "whole again");
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
            await Taken(0, $"directly {more}");
        }

        await Cluster.Cut(0, Cut.None);
        await Whole();
        Assert.Equal(first, await Master(1));
        await Taken(1, "through another again");
        // one that was refused as lost on the way may have been done
        Assert.Equal(_acknowledged, (await Ids(2, "")).Where(_acknowledged.Contains));
        Assert.Empty((JsonArray)(await Rpc(0).Call("Branches", new { Namespace = "admin", Name = "data" }))!);
    }

    private async Task Begin()
    {
        Lanes.Require(Lanes.Postgres);
        Lanes.Require(Lanes.NetworkNamespaces);
        await Mount();
        await Taken(0, "before");
        await Cluster.Holds("data", "", 2);
    }

    private async Task<string> Mount() => Path.Combine(Cluster.Nodes[0].Setup.ContainerMountPrefix, "admin", "data", "__default__") is { } there
        && Directory.Exists(there)
            ? there
            : (string)(await Rpc(0).Call("Procure", new { Namespace = "admin", Name = "data", Subdot = "__default__" }))!;

    private RpcClient Rpc(int node) => Cluster.Nodes[node].Rpc;

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

    private Task Taken(int node, string message) => Until(async () => await Commit(node, message), $"node {node} took no commit");

    /// <summary>Commits until one is refused; answers why.</summary>
    private async Task<string> Refused(int node, string message)
    {
        await Until(async () => !await Commit(node, message), $"node {node} went on taking commits");
        return _last;
    }

    private void Names(string what, string refusal) => Assert.True(
        refusal.Contains(what, StringComparison.Ordinal), $"{what} is not named in: {refusal}\n{Logs}");

    private string Logs => string.Join("\n=====\n", Cluster.Nodes.Select(other => other.Log));

    private Task Until(Func<Task<bool>> condition, string otherwise) => Patience.Holds(
        async () => await condition() ? this : null,
        TimeSpan.FromSeconds(60),
        () => $"{otherwise}: {_last}\n{Logs}");

    private async Task<string?> Master(int node) => (string?)(await Rpc(node).Call("List"))!["admin"]!["data"]!["Master"];

    private async Task<List<string>> Ids(int node, string branch) =>
        [.. ((JsonArray)(await Rpc(node).Call("Commits", new { Namespace = "admin", Name = "data", Branch = branch }))!).Select(commit => (string)commit!["Id"]!)];

    private async Task<string> Diverged()
    {
        var found = "";
        await Until(
            async () =>
            {
                var branches = (JsonArray)(await Rpc(1).Call("Branches", new { Namespace = "admin", Name = "data" }))!;
                found = branches.Select(branch => (string)branch!).FirstOrDefault(branch => branch.Contains("-DIVERGED-", StringComparison.Ordinal)) ?? "";
                return found.Length > 0;
            },
            "nothing was handed in");
        return found;
    }
}
