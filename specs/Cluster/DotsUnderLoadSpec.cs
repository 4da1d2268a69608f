using Dotmesh.Actors;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Cluster;

/// <summary>Many at once, too late, too much, and two incarnations of one dot.</summary>
public sealed class DotsUnderLoadSpec : IAsyncLifetime
{
    private readonly OneNode _node = OneNode.New();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Commits_to_64_dots_at_once_all_arrive_and_cost_no_directory_write()
    {
        await _node.Start();
        var dots = await Task.WhenAll(Enumerable.Range(0, 64).Select(n => _node.Dot($"many-{n}")));
        var directory = (MemoryDirectory)_node.Directory;
        var (writes, calls) = (directory.Writes, _node.Memory.Calls);

        await Task.WhenAll(dots.SelectMany(dot => Enumerable.Range(0, 5).Select(n => _node.Commit(dot, $"{n}"))));

        Assert.Equal(writes, directory.Writes);
        Assert.Equal(calls + (64 * 5), _node.Memory.Calls);
        foreach (var dot in dots)
        {
            Assert.Equal(6, (await _node.Commits(dot)).Count());
        }
    }

    [Fact]
    public async Task Commits_on_two_branches_run_side_by_side_and_a_rollback_waits_for_both()
    {
        await _node.Start();
        var dot = await _node.Dot("parallel");
        var first = await _node.Commit(dot, "first");
        var branch = await _node.Branch(dot, "b", first);
        using var both = new CountdownEvent(2);
        var go = new TaskCompletionSource();
        var order = new List<string>();
        _node.Memory.Before = async (operation, _, ct) =>
        {
            if (operation == "commit")
            {
                both.Signal();
                await go.Task.WaitAsync(ct);
            }

            lock (order)
            {
                order.Add(operation);
            }
        };

        var commits = new[] { _node.Commit(dot), _node.Commit(branch) };
        Assert.True(await Eventually.True(() => both.IsSet));
        var rollback = _node.Dots.Rollback(OneNode.Admin, dot, first, default);
        go.SetResult();
        await Task.WhenAll(commits);

        Assert.Null((await rollback).Refusal);
        Assert.Equal(["commit", "commit", "rollback"], order.Take(3));
    }

    [Fact]
    public async Task A_commit_whose_deadline_passes_in_the_queue_is_answered_and_never_run()
    {
        _node.Settings = _node.Settings with { Deadline = TimeSpan.FromSeconds(2) };
        await _node.Start();
        var dot = await _node.Dot("late");
        var go = new TaskCompletionSource();
        _node.Memory.Before = (operation, _, ct) => operation == "commit" ? go.Task.WaitAsync(ct) : Task.CompletedTask;

        var slow = _node.TryCommit(dot, "slow");
        var late = _node.TryCommit(dot, "late");
        Assert.Equal(RefusalCode.Expired, (await late).Refusal?.Code);
        Assert.Equal(RefusalCode.Expired, (await slow).Refusal?.Code);
        var answered = TimeProvider.System.GetUtcNow();
        Assert.True(await Eventually.True(() => TimeProvider.System.GetUtcNow() > answered.AddMilliseconds(200)));
        _node.Memory.Before = (_, _, _) => Task.CompletedTask;
        go.SetResult();

        await _node.Commit(dot, "in time");
        Assert.Equal(["Initial commit", "slow", "in time"], await _node.Commits(dot));
    }

    [Fact]
    public async Task More_than_a_dot_or_the_gateway_takes_is_refused_as_overloaded()
    {
        _node.Settings = _node.Settings with { MaxQueuedPerDot = 2, MaxInFlight = 3 };
        await _node.Start();
        var dot = await _node.Dot("busy");
        var other = await _node.Dot("other");
        var go = new TaskCompletionSource();
        _node.Memory.Before = (operation, _, ct) => operation == "commit" ? go.Task.WaitAsync(ct) : Task.CompletedTask;

        var taken = new[] { _node.TryCommit(dot), _node.TryCommit(dot) };
        var refused = (await _node.TryCommit(dot)).Refusal;
        Assert.Equal(RefusalCode.Overloaded, refused?.Code);
        Assert.StartsWith("overloaded: 2 requests wait for dot", refused?.Message, StringComparison.Ordinal);

        var third = _node.TryCommit(other);
        Assert.StartsWith(
            "overloaded: 3 requests are in flight", (await _node.TryCommit(other)).Refusal?.Message, StringComparison.Ordinal);
        go.SetResult();
        Assert.All(await Task.WhenAll([.. taken, third]), outcome => Assert.Null(outcome.Refusal));
    }

    [Fact]
    public async Task The_slower_of_two_incarnations_of_a_dot_is_fenced_by_the_journal_and_its_successor_goes_on()
    {
        await _node.Start();
        var dot = await _node.Dot("twice");
        await using var twin = _node.Twin();
        await twin.Start();
        await twin.Commit(dot, "from the twin");

        var fenced = (await _node.TryCommit(dot, "fenced")).Refusal;
        Assert.Equal(RefusalCode.Unavailable, fenced?.Code);
        Assert.StartsWith("fenced: ", fenced?.Message, StringComparison.Ordinal);

        await _node.Commit(dot, "after");
        Assert.Equal(
            ["Initial commit", "from the twin", "fenced", "after"],
            (await _node.Memory.Find(dot.Filesystem, default))!.Commits.Select(commit => commit.Metadata["message"]));
    }
}
