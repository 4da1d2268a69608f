using Dotmesh.Actors;
using Dotmesh.Specs.EndToEnd.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Docker;

/// <summary>Pulls into dots that running containers use: refused, or with the containers stopped meanwhile (<c>StopContainers</c>).</summary>
public sealed class PullUnderContainersSpec(DockerNode node) : IClassFixture<DockerNode>, IAsyncLifetime
{
    private const int InUse = 5;

    private readonly DockerEngineHost _engine = node.Engine;
    private readonly ScratchFolder _folder = new();
    private NodeProcess _hub = null!;

    private Side Hub => new([_hub]);

    private Side Here => new([node.Node]);

    public async Task InitializeAsync()
    {
        if (Lanes.IsOn(Lanes.Docker))
        {
            _hub = await NodeProcess.Start(new NodeSetup(_folder.Path));
        }
    }

    public async Task DisposeAsync()
    {
        if (_hub is not null)
        {
            await _hub.DisposeAsync();
        }

        _folder.Dispose();
    }

    [SkippableFact]
    public async Task Containers_are_in_the_way_of_a_pull_that_may_not_stop_them_and_of_no_other()
    {
        Lanes.Require(Lanes.Docker);
        await ThereIsNewer("pulled");
        var before = await _engine.StartedAt("pulled");

        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => Ask("pulled"));
        Assert.Contains("active containers running on volume where data would be written", refusal.Text, StringComparison.Ordinal);
        Assert.Equal(before, await _engine.StartedAt("pulled"));

        Side.Finished(await Here.Over(await Ask("pulled", stop: true)));
        Assert.True(await _engine.IsRunning("pulled"), "it is not said to be finished before they run");
        Assert.NotEqual(before, await _engine.StartedAt("pulled"));
        Assert.Equal("newer", await _engine.Exec("pulled", "ls /foo"));
        await _engine.Exec("pulled", "touch /foo/again");

        before = await _engine.StartedAt("pulled");
        Side.Finished(await Here.Over(await Ask("pulled", stop: true, stash: true)));
        Assert.Equal(before, await _engine.StartedAt("pulled"));
    }

    [SkippableFact]
    public async Task What_a_container_wrote_and_nobody_committed_is_kept_in_a_branch_or_stands_in_the_way()
    {
        Lanes.Require(Lanes.Docker);
        await ThereIsNewer("written");
        await _engine.Exec("written", "touch /foo/mine");

        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => Ask("written", stop: true));
        Assert.Contains("uncommitted changes", refusal.Text, StringComparison.Ordinal);
        Assert.True(await _engine.IsRunning("written"));

        Side.Finished(await Here.Over(await Ask("written", stop: true, stash: true)));
        Assert.Equal("newer", await _engine.Exec("written", "ls /foo"));
        var branch = Assert.Single(await Here.Branches(_engine.Named("written")));
        Assert.Contains("-DIVERGED-", branch, StringComparison.Ordinal);
        Assert.Equal("mine", await _engine.Run($"written@{branch}", "ls /foo"));
    }

    [SkippableFact]
    public async Task A_container_that_writes_as_it_is_stopped_makes_a_commit_more_and_no_pull_fail()
    {
        Lanes.Require(Lanes.Docker);
        await ThereIsNewer("late", "trap 'echo bye > /foo/last; exit 0' TERM; while :; do sleep 0.1; done");

        Side.Finished(await Here.Over(await Ask("late", stop: true, stash: true)));

        Assert.Equal("newer", await _engine.Exec("late", "ls /foo"));
        var branch = Assert.Single(await Here.Branches(_engine.Named("late")));
        Assert.Equal("last", await _engine.Run($"late@{branch}", "ls /foo"));
    }

    [SkippableTheory]
    [InlineData(FaultPoints.InterruptAfterNote)]
    [InlineData(FaultPoints.ReceiveBeforeStorage)]
    [InlineData(FaultPoints.ReceiveAfterPersist)]
    [InlineData(FaultPoints.StartAgainAfterFirst)]
    public async Task A_pull_that_is_killed_goes_on_and_its_containers_run_again(string point)
    {
        Lanes.Require(Lanes.Docker);
        var dot = $"cut-{point.Replace('.', '-')}";
        await ThereIsNewer(dot);
        await node.Restart($"{point}=kill");
        string id;
        try
        {
            id = await Ask(dot, stop: true);
            await node.Node.Ended();
        }
        finally
        {
            await node.Restart();
        }

        Side.Finished(await Here.Over(id));
        await _engine.Runs(dot);
        Assert.Equal("newer", await _engine.Exec(dot, "ls /foo"));
        await _engine.Exec(dot, "touch /foo/again");
    }

    [SkippableFact]
    public async Task Typed_by_somebody_the_refusal_names_the_way_out()
    {
        Lanes.Require(Lanes.Docker);
        await ThereIsNewer("typed");
        var dm = Dm.Of(node.Node);
        await dm.Add("hub", _hub);

        var refused = await dm.Fails(InUse, "pull", "hub", _engine.Named("typed"));
        Assert.Contains("--stop-containers", refused, StringComparison.Ordinal);

        await dm.Says("pull", "hub", _engine.Named("typed"), "--stop-containers");
        Assert.Equal("newer", await _engine.Exec("typed", "ls /foo"));
    }

    /// <summary>A container runs on a dot, of which the other cluster has one commit more.</summary>
    private async Task ThereIsNewer(string name, string line = DockerEngineHost.Forever)
    {
        await _engine.Start(name, name, line);
        await node.Commit(name);
        var dot = _engine.Named(name);
        Side.Finished(await Here.Push(Hub, dot));
        await Hub.Commits(dot, "newer");
    }

    private Task<string> Ask(string name, bool stop = false, bool stash = false) =>
        Here.Begin("pull", Hub, _engine.Named(name), _engine.Named(name), stash: stash, stopContainers: stop);
}
