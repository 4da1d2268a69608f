using Dotmesh.Actors;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Dotmesh.Specs.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Leases and the way into the cluster, on a real PostgreSQL.</summary>
public sealed class NodeRegistrySpec : IAsyncLifetime
{
    private static readonly LeaseTimes Short = new(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(200));

    private readonly List<SqlDatabase> _open = [];
    private PostgresServer _server = null!;
    private PostgresSettings _settings = null!;

    public async Task InitializeAsync()
    {
        _server = await PostgresServer.Start();
        _settings = await _server.NewDatabase();
    }

    public async Task DisposeAsync()
    {
        foreach (var database in _open)
        {
            await database.DisposeAsync();
        }

        await _server.DisposeAsync();
    }

    [SkippableFact]
    public async Task Nodes_that_start_at_once_make_the_tables_once()
    {
        var databases = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Open()));
        var versions = await databases[3].Run(
            session => session.Query("SELECT version FROM schema_version ORDER BY version", row => row.GetInt64(0)), default);
        Assert.Equal([1L, 2L, 3L, 4L, 5L, 6L, 7L], versions);
    }

    [SkippableFact]
    public async Task A_lease_left_by_a_killed_process_is_waited_for_and_one_that_is_renewed_is_not_given_away()
    {
        var first = await Registry("pool", "one");
        await first.Claim(default);
        // long enough that a loaded machine renews it in time
        var second = await Registry("pool", "two", Short with { Ttl = TimeSpan.FromSeconds(30) });
        await second.Claim(default);
        Assert.False(await first.Renew(default));

        using var stop = new CancellationTokenSource();
        var renewing = Renew(second, stop.Token);
        var refused = await Assert.ThrowsAsync<NodeRefusedException>(async () => await (await Registry("pool", "three")).Claim(default));
        Assert.Contains("served by a node that is alive", refused.Message, StringComparison.Ordinal);
        await stop.CancelAsync();
        await renewing;
    }

    [SkippableFact]
    public async Task A_program_of_another_schema_version_is_refused_while_nodes_are_up_and_they_are_told_why()
    {
        var node = await Registry("pool", "one", LeaseTimes.Default with { Ttl = TimeSpan.FromMinutes(5) });
        await node.Claim(default);
        var newer = new SchemaStep(Schema.Steps[^1].Version + 1, "later", ["CREATE TABLE later (id TEXT NOT NULL PRIMARY KEY)"]);

        var tooNew = await Assert.ThrowsAsync<DatabaseException>(() => Open([.. Schema.Steps, newer]));
        var tooOld = await Assert.ThrowsAsync<DatabaseException>(() => Open([.. Schema.Steps.SkipLast(1)]));

        Assert.Contains("1 nodes with an older program use it: stop all of them", tooNew.Message, StringComparison.Ordinal);
        Assert.Contains("used by a newer program", tooOld.Message, StringComparison.Ordinal);
        var reasons = await _open[0].Run(
            session => session.Query("SELECT reason FROM refused_nodes ORDER BY at", row => row.GetString(0)), default);
        Assert.Equal([tooNew.Message, tooOld.Message], reasons);

        await node.Leave(default);
        await Open([.. Schema.Steps, newer]);
    }

    [SkippableFact]
    public async Task Of_nodes_that_enter_at_once_exactly_one_begins_the_cluster()
    {
        var nodes = await Task.WhenAll(Enumerable.Range(0, 5).Select(number => Registry($"pool{number}", "one", Short with { Ttl = TimeSpan.FromSeconds(30) })));
        await Task.WhenAll(nodes.Select(node => node.Claim(default)));
        var toJoin = await Task.WhenAll(nodes.Select((node, number) => node.Enter($"127.0.0.1:{number}", "", [], default)));
        Assert.Single(toJoin, none => none.IsEmpty);
    }

    [SkippableFact]
    public async Task A_process_is_put_out_only_when_its_lease_has_expired_and_never_gets_it_back()
    {
        var judge = await Registry("judge", "one");
        var frozen = await Registry("frozen", "one", Short with { Ttl = TimeSpan.FromSeconds(10) });
        await frozen.Claim(default);
        Assert.False(await judge.PutOut(new StorageNodeId("frozen"), "one", default));
        Assert.True(await frozen.Renew(default));

        await Patience.Holds(
            async () => await judge.PutOut(new StorageNodeId("frozen"), "one", default) ? judge : null, TimeSpan.FromSeconds(60), () => "never put out");
        Assert.False(await frozen.Renew(default));
        var refused = await Assert.ThrowsAsync<NodeRefusedException>(() => frozen.Enter("127.0.0.1:1", "", [], default));
        Assert.True(refused.Passes);

        var next = await Registry("frozen", "two");
        await next.Claim(default);
        Assert.True(await judge.PutOut(new StorageNodeId("frozen"), "one", default));
        Assert.True(await next.Renew(default));
    }

    [SkippableFact]
    public async Task A_process_that_was_cut_off_in_the_middle_of_a_transaction_can_be_put_out_all_the_same()
    {
        await (await Registry("cut", "one")).Claim(default);
        await using var half = new PostgresDialect(_settings).Connect();
        await using var begun = await half.BeginTransactionAsync();
        await using var renewal = half.CreateCommand();
        renewal.CommandText = "UPDATE nodes SET renewals = renewals + 1";
        await renewal.ExecuteNonQueryAsync();

        var judge = await Registry("judge", "one");
        await Patience.Holds(
            async () => await judge.PutOut(new StorageNodeId("cut"), "one", default) ? judge : null, TimeSpan.FromSeconds(20), () => "never put out");
    }

    [SkippableFact]
    public async Task Who_is_let_in_later_has_the_greater_number()
    {
        var (one, two) = (await Registry("a", "one"), await Registry("b", "one"));
        foreach (var node in new[] { one, two, one })
        {
            await node.Claim(default);
            await node.Enter("127.0.0.1:1", "", [], default);
            await node.Renew(default);
            Assert.Equal(0, node.Find(node.Self.Id)!.Entered);
            await node.Joined(default);
        }

        await two.Renew(default);
        Assert.True(two.Find(new StorageNodeId("a"))!.Entered > two.Find(new StorageNodeId("b"))!.Entered);
    }

    [SkippableFact]
    public async Task What_one_node_wrote_is_read_by_another_that_was_told()
    {
        var (one, two) = (await Open(), await Open());
        var seen = new List<string>();
        two.Changes.Watch(
            "dots",
            (session, id) =>
            {
                var found = session.Query("SELECT name FROM dots WHERE id = @id", row => row.GetString(0), ("@id", id));
                return () => seen.AddRange(found);
            },
            _ => () => seen.Add("all"));
        one.Changes.Publish = changes => two.Refresh(changes, default);
        await one.Run(
            session =>
            {
                session.Wrote("dots", "x");
                return session.Execute(
                    "INSERT INTO dots (id, namespace, name, owner_id, owner_name, node, epoch, status) VALUES ('x', 'a', 'b', '', '', '', 1, 'active')");
            },
            default);
        Assert.Equal(["b"], seen);
    }

    [SkippableFact]
    public async Task A_connection_that_was_cut_is_made_again_and_everything_is_read_anew()
    {
        var database = await Open();
        var readAnew = 0;
        database.Changes.Watch("dots", (_, _) => () => { }, _ => () => readAnew++);
        await _server.Execute("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dotmesh'");
        Assert.Equal(1, (await database.Run(session => session.Query("SELECT 1", row => row.GetInt32(0)), default))[0]);
        Assert.Equal(1, readAnew);
    }

    [SkippableFact]
    public async Task A_server_that_is_away_is_said_so_and_used_again_when_it_is_back()
    {
        var database = await Open();
        await _server.Kill();
        var failure = await Assert.ThrowsAsync<DatabaseException>(() => database.Run(session => session.Execute("SELECT 1"), default));
        Assert.Contains("Database:Host", failure.Message, StringComparison.Ordinal);
        await _server.Resume();
        Assert.Equal(1, (await database.Run(session => session.Query("SELECT 1", row => row.GetInt32(0)), default))[0]);
    }

    [SkippableFact]
    public async Task Two_that_wait_for_each_others_rows_both_get_their_work_done()
    {
        var (one, two) = (await Open(), await Open());
        foreach (var id in new[] { "a", "b" })
        {
            await one.Run(
                session => session.Execute("INSERT INTO deleted_dots (id, at) VALUES (@id, 0)", ("@id", id)), default);
        }

        using var both = new Barrier(2);
        await Task.WhenAll(Cross(one, "a", "b", both), Cross(two, "b", "a", both));
        var sum = await one.Run(session => session.Query("SELECT SUM(at)::bigint FROM deleted_dots", row => row.GetInt64(0)), default);
        Assert.Equal(4, sum[0]);
    }

    private static Task Cross(SqlDatabase database, string first, string second, Barrier both)
    {
        var met = false;
        return database.Run(
            session =>
            {
                Add(session, first);
                if (!met)
                {
                    met = true;
                    both.SignalAndWait(TimeSpan.FromSeconds(10));
                }

                Add(session, second);
                return true;
            },
            default);
    }

    private static void Add(SqlSession session, string id) =>
        session.Execute("UPDATE deleted_dots SET at = at + 1 WHERE id = @id", ("@id", id));

    private static async Task Renew(NodeRegistry registry, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            Assert.True(await registry.Renew(default));
            await Task.Delay(100, CancellationToken.None);
        }
    }

    private Task<SqlDatabase> Open() => Open(Schema.Steps);

    private async Task<SqlDatabase> Open(IReadOnlyList<SchemaStep> steps)
    {
        var database = await SqlDatabase.Open(new PostgresDialect(_settings), steps, TimeProvider.System, NullLoggerFactory.Instance, default);
        lock (_open)
        {
            _open.Add(database);
        }

        return database;
    }

    private async Task<NodeRegistry> Registry(string pool, string incarnation, LeaseTimes? times = null) => new(
        await Open(), new NodeIdentity(new StorageNodeId(pool), incarnation, "127.0.0.1", "proof"), times ?? Short, TimeProvider.System,
        NullLogger<NodeRegistry>.Instance);
}
