using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Dotmesh.Node.Hosting;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class NodeLifeSpec
{
    private readonly List<string> _said = [];

    [Fact]
    public async Task A_node_that_begins_anew_waits_for_a_database_that_is_away_and_says_so_once()
    {
        var away = new DatabaseException("the database is away", new TimeoutException());
        await Live(() => "downed", () => throw away, () => throw away, () => null);
        Assert.Equal(["The node begins anew: downed", "The node begins anew: the database is away"], _said);
    }

    [Fact]
    public async Task What_keeps_it_from_starting_the_first_time_ends_it()
    {
        await Assert.ThrowsAsync<DatabaseException>(() => Live(() => throw new DatabaseException("wrong host", new TimeoutException())));
        Assert.Empty(_said);
    }

    [Fact]
    public async Task A_cluster_that_will_not_have_it_ends_it_at_any_time()
    {
        var refused = new NodeRefusedException("the pool is served by another process");
        Assert.Same(refused, await Assert.ThrowsAsync<NodeRefusedException>(() => Live(() => "downed", () => throw refused)));
        await Live(() => "downed", () => throw new NodeRefusedException("nobody lets it in") { Passes = true }, () => null);
    }

    [Fact]
    public async Task It_can_be_stopped_while_it_waits()
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => NodeLife.Run(
            Lives(() => "downed", () =>
            {
                stop.Cancel();
                throw new DatabaseException("away", new TimeoutException());
            }),
            Say,
            TimeProvider.System,
            stop.Token));
    }

    private Task Live(params Func<string?>[] lives) => NodeLife.Run(Lives(lives), Say, TimeProvider.System, CancellationToken.None);

    private static Func<Task<string?>> Lives(params Func<string?>[] lives)
    {
        var next = 0;
        return () => Task.FromResult(lives[next++]());
    }

    private Task Say(string text)
    {
        _said.Add(text);
        return Task.CompletedTask;
    }
}
