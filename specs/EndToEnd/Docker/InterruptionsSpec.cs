using Dotmesh.Actors;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Docker;

/// <summary>Containers that are stopped for an operation and started again, whatever happens between.</summary>
public sealed class InterruptionsSpec(DockerNode node) : IClassFixture<DockerNode>
{
    /// <summary>Up to here a rollback is only an intention.</summary>
    private static readonly string[] BeforeIntent = [FaultPoints.InterruptAfterNote, FaultPoints.InterruptAfterStop, FaultPoints.RollbackAfterMark];

    private readonly DockerEngineHost _engine = node.Engine;

    public static TheoryData<string> RollbackPoints => [.. FaultPoints.Rollback.Concat(FaultPoints.Interrupt).Where(point => point != FaultPoints.SwitchAfterRepoint)];

    [SkippableTheory]
    [MemberData(nameof(RollbackPoints))]
    public async Task A_rollback_that_is_killed_is_finished_or_undone_and_the_containers_run_again(string point)
    {
        Lanes.Require(Lanes.Docker);
        var dot = $"killed-{point.Replace('.', '-')}";
        await node.Restart($"{point}=kill");
        await _engine.Start($"{dot}-1", dot);
        await _engine.Start($"{dot}-2", $"{dot}.second");
        await _engine.Exec($"{dot}-1", "touch /foo/kept");
        var commit = await node.Commit(dot);
        await _engine.Exec($"{dot}-1", "touch /foo/later");

        try
        {
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => node.Rollback(dot, commit));
            await node.Node.Ended();
        }
        finally
        {
            await node.Restart();
        }

        await _engine.Runs($"{dot}-1");
        await _engine.Runs($"{dot}-2");
        Assert.Equal(BeforeIntent.Contains(point) ? "kept\nlater" : "kept", await _engine.Exec($"{dot}-1", "ls /foo"));
        await _engine.Exec($"{dot}-1", "touch /foo/again");
        await node.Rollback(dot, commit);
        Assert.Equal("kept", await _engine.Exec($"{dot}-1", "ls /foo"));
    }

    [SkippableFact]
    public async Task A_switch_that_is_killed_after_it_was_done_starts_the_containers_on_the_new_branch()
    {
        Lanes.Require(Lanes.Docker);
        await node.Restart($"{FaultPoints.SwitchAfterRepoint}=kill");
        await _engine.Start("repointed", "repointed");
        await node.Commit("repointed");
        await node.Branch("repointed", "branch1");
        await _engine.Run("repointed@branch1", "touch /foo/BRANCH");

        try
        {
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => node.Switch("repointed", "branch1"));
            await node.Node.Ended();
        }
        finally
        {
            await node.Restart();
        }

        await _engine.Runs("repointed");
        Assert.Equal("BRANCH", await _engine.Exec("repointed", "ls /foo"));
    }

    [SkippableFact]
    public async Task Containers_start_again_in_the_order_in_which_they_were_started()
    {
        Lanes.Require(Lanes.Docker);
        string[] order = ["order-c", "order-a", "order-b"];
        foreach (var name in order)
        {
            await _engine.Start(name, "order");
        }

        await node.Rollback("order", await node.Commit("order"));

        var started = await Task.WhenAll(order.Select(_engine.StartedAt));
        Assert.Equal(started.Order(StringComparer.Ordinal), started);
    }

    [SkippableFact]
    public async Task A_stash_restarts_the_containers_and_a_branch_that_is_not_in_use_does_not()
    {
        Lanes.Require(Lanes.Docker);
        await _engine.Start("stash", "stash");
        var commit = await node.Commit("stash");
        await node.Branch("stash", "other");
        await _engine.Exec("stash", "touch /foo/diverged");
        var before = await _engine.StartedAt("stash");
        await node.Rollback("stash", await node.Commit("stash", "other"), "other");
        Assert.Equal(before, await _engine.StartedAt("stash"));

        var id = await node.Node.Rpc.Text("Lookup", node.Triple("stash"));
        var branch = await node.Node.Rpc.Text("StashAfter", new { FilesystemId = id, SnapshotId = commit });

        Assert.True(await _engine.IsRunning("stash"));
        Assert.Equal("", await _engine.Exec("stash", "ls /foo"));
        Assert.Equal("diverged", await _engine.Run($"stash@{branch}", "ls /foo"));
    }

    [SkippableFact]
    public async Task A_rollback_that_is_refused_stops_nobody()
    {
        Lanes.Require(Lanes.Docker);
        await _engine.Start("refused", "refused");
        var before = await _engine.StartedAt("refused");

        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => node.Rollback("refused", "no-such-commit"));

        Assert.Contains("No such commit", refusal.Text, StringComparison.Ordinal);
        Assert.Equal(before, await _engine.StartedAt("refused"));
    }

    [SkippableFact]
    public async Task A_container_of_which_nothing_would_be_left_is_not_stopped()
    {
        Lanes.Require(Lanes.Docker);
        await _engine.Start("leaving", "leaving", DockerEngineHost.Forever, "--rm");
        var commit = await node.Commit("leaving");

        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => node.Rollback("leaving", commit));

        Assert.Contains("--rm", refusal.Text, StringComparison.Ordinal);
        Assert.True(await _engine.IsRunning("leaving"));
    }

    [SkippableFact]
    public async Task A_container_that_does_not_end_by_itself_is_ended_after_the_grace_time()
    {
        Lanes.Require(Lanes.Docker);
        await _engine.Start("deaf", "deaf", "trap '' TERM; while :; do sleep 0.1; done");
        var commit = await node.Commit("deaf");
        await _engine.Exec("deaf", "touch /foo/later");

        await node.Rollback("deaf", commit);

        Assert.True(await _engine.IsRunning("deaf"));
        Assert.Equal("", await _engine.Exec("deaf", "ls /foo"));
    }

    [SkippableFact]
    public async Task A_container_that_cannot_start_again_is_named_and_the_others_run()
    {
        Lanes.Require(Lanes.Docker);
        using var folder = new ScratchFolder();
        var host = Path.Combine(folder.Path, "host");
        Directory.CreateDirectory(host);
        await _engine.Start("bound", "bound", DockerEngineHost.Forever, "--mount", $"type=bind,src={host},dst=/host");
        await _engine.Start("unbound", "bound");
        var commit = await node.Commit("bound");
        Directory.Delete(host);

        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => node.Rollback("bound", commit));

        Assert.Contains(_engine.Named("bound"), refusal.Text, StringComparison.Ordinal);
        Assert.Contains("The operation itself is done", refusal.Text, StringComparison.Ordinal);
        Assert.True(await _engine.IsRunning("unbound"));
        Directory.CreateDirectory(host);
        await node.Restart();
        await _engine.Runs("bound");
    }
}
