using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Docker;

/// <summary>
/// Three nodes, each with a volume plugin of its own at one engine, as three hosts would have. An engine has each volume's name once, so the
/// nodes are asked for the same dot by different names of it.
/// </summary>
public sealed class ContainersInAClusterSpec : IAsyncLifetime
{
    private readonly string _prefix = DockerEngineHost.NewDriver();
    private DockerEngineHost[] _engines = [];
    private NodeCluster _cluster = null!;
    private string _zero = "";

    public async Task InitializeAsync()
    {
        if (!Lanes.IsOn(Lanes.Docker) || !Lanes.IsOn(Lanes.Postgres))
        {
            return;
        }

        _cluster = await NodeCluster.Start(
            3,
            ("DOTMESH__DOCKER__PLUGIN", "yes"),
            ("DOTMESH__DOCKER__PLUGINSOCKET", DockerEngineHost.SocketOf($"{_prefix}-{{node}}")),
            ("DOTMESH__DOCKER__STOPSECONDS", "3"));
        _engines = [.. Enumerable.Range(0, 3).Select(number => new DockerEngineHost($"{_prefix}-{number}", _prefix))];
    }

    public async Task DisposeAsync()
    {
        foreach (var engine in _engines)
        {
            await engine.DisposeAsync();
        }

        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        foreach (var engine in _engines)
        {
            engine.Forget();
        }
    }

    [SkippableFact]
    [Trait("Behaviour", "62")]
    public async Task Behaviour_62_A_container_on_another_node_sees_what_was_written_and_a_running_one_keeps_the_dot_where_it_is()
    {
        Require();
        await _engines[0].Start("writer", "moved");
        await _engines[0].Exec("writer", "echo hello >/foo/HELLO");

        Assert.Contains(_engines[0].Named("writer"), await _engines[1].Refused(On(1, "moved")), StringComparison.Ordinal);
        foreach (var number in new[] { 0, 1, 2 })
        {
            await Lists(number, "moved", "/writer");
        }

        await _engines[0].Remove("writer");
        Assert.Equal("hello", await _engines[1].Run(On(1, "moved"), "cat /foo/HELLO"));
        Assert.Equal("hello", await _engines[2].Run(On(2, "moved"), "cat /foo/HELLO"));
        Assert.Equal(await _cluster.IdOf(2), await Master("moved"));
    }

    [SkippableTheory]
    [Trait("Behaviour", "56")]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Behaviour_56_58_61_A_deleted_dot_is_gone_on_all_nodes_and_its_name_is_empty_on_each(int deletedAt)
    {
        Require();
        var name = $"deleted{deletedAt}";
        await _engines[0].Run(name, "echo hello >/foo/OLD");
        await _cluster.Nodes[deletedAt].Rpc.Call("Delete", new { Namespace = "admin", Name = _engines[0].Named(name) });

        Assert.Equal("", await _engines[0].Run(name, "ls /foo"));
        Assert.Equal("", await _engines[1].Run(On(1, name), "ls /foo"));
        await Lists(0, name, "");
        await Lists(1, name, "");
    }

    [SkippableFact]
    public async Task A_node_that_is_killed_under_a_running_container_has_its_dot_again_when_it_is_back()
    {
        Require();
        await Started("kept");
        await _cluster.Nodes[0].Kill9();
        await Patience.Holds(
            async () => await Master("kept", asked: 1) != _zero ? this : null, TimeSpan.FromSeconds(60), () => "nobody took the dot over");
        await _engines[0].Exec("kept", "echo meanwhile >/foo/MEANWHILE");

        await _cluster.Restart(0);

        await Patience.Holds(
            async () => await Master("kept", asked: 1) == _zero ? this : null, TimeSpan.FromSeconds(60), () => $"the dot did not come back\n{_cluster.LogOf(0)}");
        Assert.True(await _engines[0].IsRunning("kept"));
        await _cluster.Nodes[2].Rpc.CallAgain("Commit", new { Namespace = "admin", Name = _engines[0].Named("kept"), Branch = "", Message = "all of it" });
        Assert.Empty((JsonArray)(await _cluster.Nodes[0].Rpc.Call("Branches", new { Namespace = "admin", Name = _engines[0].Named("kept") }))!);
        await _engines[0].Remove("kept");
        Assert.Equal("BEFORE\nMEANWHILE", await _engines[1].Run(On(1, "kept"), "ls /foo"));
    }

    [SkippableFact]
    public async Task A_rollback_on_another_node_is_not_undone_by_a_container_that_went_on()
    {
        Require();
        await Started("cut");
        var name = _engines[0].Named("cut");
        var commits = (JsonArray)(await _cluster.Nodes[1].Rpc.Call("Commits", new { Namespace = "admin", Name = name, Branch = "" }))!;
        await _cluster.Nodes[0].Kill9();
        await _cluster.Nodes[1].Rpc.CallAgain(
            "Rollback", new { Namespace = "admin", Name = name, Branch = "", SnapshotId = (string)commits[0]!["Id"]! });

        await _cluster.Restart(0);
        await Lists(1, "cut", "/cut");
        await _cluster.Logged("does not give back", TimeSpan.FromSeconds(60), 0);

        Assert.NotEqual(_zero, await Master("cut", asked: 1));
        var after = (JsonArray)(await _cluster.Nodes[1].Rpc.Call("Commits", new { Namespace = "admin", Name = name, Branch = "" }))!;
        Assert.Single(after);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_two_containers_that_start_on_two_nodes_at_once_one_has_the_dot_and_the_other_is_refused_or_comes_after(bool first)
    {
        Require();
        var name = $"both-{first}";
        await _engines[0].Run(name, "echo hello >/foo/HELLO");
        await _engines[1].Run(On(1, name), "true");

        var runs = await Task.WhenAll(Tried(0, name), Tried(1, On(1, name)), Tried(2, On(2, name)));

        foreach (var run in runs)
        {
            Assert.True(run.ExitCode == 0 ? run.Output == "hello" : run.Errors.Contains("cannot-move-while-containers-running", StringComparison.Ordinal), run.ToString());
        }

        Assert.Contains(runs, run => run.ExitCode == 0);
        await Lists(0, name, "");
        await _cluster.Nodes[0].Rpc.CallAgain("Delete", new { Namespace = "admin", Name = _engines[0].Named(name) });
    }

    [SkippableFact]
    public async Task What_a_container_wrote_beside_a_commit_on_another_node_becomes_a_branch_when_it_is_stopped()
    {
        Require();
        await Started("parted");
        await _cluster.Nodes[0].Kill9();
        await _cluster.Nodes[1].Rpc.CallAgain("Commit", new { Namespace = "admin", Name = _engines[0].Named("parted"), Branch = "", Message = "elsewhere" });
        await _engines[0].Exec("parted", "echo meanwhile >/foo/MEANWHILE");

        await _cluster.Restart(0);
        await Lists(1, "parted", "/parted");
        Assert.NotEqual(_zero, await Master("parted", asked: 1));
        var deletion = await Assert.ThrowsAsync<RpcErrorException>(
            () => _cluster.Nodes[1].Rpc.Call("Delete", new { Namespace = "admin", Name = _engines[0].Named("parted") }));
        Assert.Contains("cannot delete the volume", deletion.Text, StringComparison.Ordinal);
        Assert.Equal("BEFORE\nMEANWHILE", await _engines[0].Exec("parted", "ls /foo"));

        await _engines[0].Remove("parted");
        var branch = "";
        await Patience.Holds(
            async () =>
            {
                var branches = (JsonArray)(await _cluster.Nodes[1].Rpc.Call("Branches", new { Namespace = "admin", Name = _engines[0].Named("parted") }))!;
                branch = branches.Count == 0 ? "" : (string)branches[0]!;
                return branch.Contains("DIVERGED", StringComparison.Ordinal) ? this : null;
            },
            TimeSpan.FromSeconds(90),
            () => $"what only node 0 had did not become a branch\n{_cluster.LogOf(0)}");
        Assert.Equal("BEFORE\nMEANWHILE", await _engines[1].Run($"parted@{branch}", "ls /foo"));
    }

    private Task<ChildResult> Tried(int number, string volume) => _engines[number].TryRun(volume, "cat /foo/HELLO");

    private async Task Started(string name)
    {
        _zero = await _cluster.IdOf(0);
        await _engines[0].Start(name, name);
        await _engines[0].Exec(name, "echo before >/foo/BEFORE");
        await _cluster.Nodes[0].Rpc.Call("Commit", new { Namespace = "admin", Name = _engines[0].Named(name), Branch = "", Message = "m" });
        await _cluster.Holds(_engines[0].Named(name), "", 2);
    }

    /// <summary>What the node's engine calls the dot, without what <see cref="DockerEngineHost.Named"/> adds.</summary>
    private static string On(int number, string name) => number == 1 ? $"{name}@master" : $"{name}.__default__";

    private async Task<string> Master(string name, int asked = 0)
    {
        var id = await _cluster.Nodes[asked].Rpc.Text("Lookup", new { Namespace = "admin", Name = _engines[0].Named(name), Branch = "" });
        return (string)(await _cluster.Nodes[asked].Rpc.Call("Get", id))!["Master"]!;
    }

    private Task Lists(int number, string name, string containers)
    {
        var seen = "";
        return Patience.Holds(
            async () =>
            {
                var listed = (JsonArray)(await _cluster.Nodes[number].Rpc.Call("ListWithContainers"))!["admin"]![_engines[0].Named(name)]!["Containers"]!;
                seen = string.Join(',', listed.Select(container => ((string)container!["Name"]!).Replace($"{_prefix}-", "", StringComparison.Ordinal)));
                return seen == containers ? this : null;
            },
            TimeSpan.FromSeconds(60),
            () => $"node {number} lists '{seen}' and not '{containers}' for {name}");
    }

    private static void Require()
    {
        Lanes.Require(Lanes.Docker);
        Lanes.Require(Lanes.Postgres);
    }
}
