using Dotmesh.Actors.Database;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class DatabaseSpec : IAsyncLifetime
{
    private readonly DatabaseFixture _data = new();

    private static readonly SchemaStep First = new(1, "things", ["CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY)"]);

    private static readonly SchemaStep Second = new(
        2,
        "things have sizes",
        ["ALTER TABLE things ADD COLUMN size BIGINT NOT NULL DEFAULT 0", "UPDATE things SET size = LENGTH(id)"]);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _data.DisposeAsync();

    [Fact]
    public async Task A_new_file_gets_a_write_ahead_log_and_the_newest_schema_and_belongs_to_its_owner_alone()
    {
        var database = await _data.Open();

        var version = await database.Run(s => s.Query("SELECT MAX(version) FROM schema_version", r => r.GetInt64(0))[0], default);
        var mode = await database.Run(s => s.Query("PRAGMA journal_mode", r => r.GetString(0))[0], default);
        var sync = await database.Run(s => s.Query("PRAGMA synchronous", r => r.GetInt64(0))[0], default);

        Assert.Equal(7, version);
        Assert.Equal("wal", mode);
        Assert.Equal(2, sync);
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            Assert.Equal((owner, owner), (File.GetUnixFileMode(_data.File), File.GetUnixFileMode(_data.File + "-wal")));
        }
    }

    [Fact]
    public async Task The_journal_has_a_file_of_its_own_so_that_its_writes_do_not_wait_for_the_tables()
    {
        var database = await _data.Open(First);
        await using var journal = new SqliteConnection(new SqliteDialect(_data.File).Journal.ConnectionString);
        await journal.OpenAsync();
        await using var writing = journal.BeginTransaction();
        await using var command = journal.CreateCommand();
        command.CommandText = "CREATE TABLE event (id BIGINT)";
        await command.ExecuteNonQueryAsync();

        Assert.Equal(1, await database.Run(s => s.Execute("INSERT INTO things (id) VALUES ('x')"), default));

        await writing.CommitAsync();
        command.Transaction = null;
        command.CommandText = "PRAGMA journal_mode";
        Assert.Equal("wal", await command.ExecuteScalarAsync());
        Assert.Equal(Path.Combine(_data.Folder, "data", "dotmesh.journal.db"), journal.DataSource);
        SqliteConnection.ClearPool(journal);
    }

    [Fact]
    public async Task A_database_of_version_1_is_upgraded_to_version_2_with_its_data()
    {
        await using (var old = await _data.Open(First))
        {
            await old.Run(s => s.Execute("INSERT INTO things (id) VALUES ('apple'), ('fig')"), default);
        }

        var upgraded = await _data.Open(First, Second);

        Assert.Equal(
            [("apple", 5), ("fig", 3)],
            await upgraded.Run(
                s => s.Query("SELECT id, size FROM things ORDER BY id", r => (r.GetString(0), r.GetInt64(1))), default));
        Assert.Equal(
            [(1, "things"), (2, "things have sizes")],
            await upgraded.Run(
                s => s.Query("SELECT version, name FROM schema_version ORDER BY version", r => (r.GetInt64(0), r.GetString(1))),
                default));
    }

    [Fact]
    public async Task A_step_that_fails_leaves_the_version_before_it()
    {
        await (await _data.Open(First)).DisposeAsync();
        var broken = new SchemaStep(2, "broken", ["ALTER TABLE things ADD COLUMN size BIGINT", "UPDATE nowhere SET x = 1"]);

        await Assert.ThrowsAsync<DatabaseException>(() => _data.Open(First, broken));

        var repaired = await _data.Open(First, Second);
        Assert.Empty(await repaired.Run(s => s.Query("SELECT size FROM things", r => r.GetInt64(0)), default));
    }

    [Fact]
    public async Task A_newer_schema_than_the_program_knows_is_refused_with_advice()
    {
        await (await _data.Open(First, Second)).DisposeAsync();

        var refused = await Assert.ThrowsAsync<DatabaseException>(() => _data.Open(First));

        Assert.Equal(
            "The database has schema version 2, but this program knows versions up to 1: it was last used by a newer program. "
            + "Start that one, or restore a copy of the database made before the upgrade.",
            refused.Message);
    }

    [Fact]
    public async Task A_second_node_on_the_same_file_is_refused_and_may_start_once_the_first_has_stopped()
    {
        var first = await _data.Open();

        var refused = await Assert.ThrowsAsync<DatabaseException>(() => _data.Open());
        Assert.Contains("in use by another node process: stop that one first", refused.Message, StringComparison.Ordinal);

        await first.DisposeAsync();
        await _data.Open();
    }

    [Fact]
    public async Task A_damaged_file_is_refused_with_advice()
    {
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(_data.File)!);
        await File.WriteAllTextAsync(_data.File, string.Concat(Enumerable.Repeat("this is no database\n", 500)));

        var refused = await Assert.ThrowsAsync<DatabaseException>(() => _data.Open());

        Assert.Contains("is damaged or is not a database: stop the node, move the file away", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_whose_folder_cannot_be_made_is_refused_with_advice()
    {
        await File.WriteAllTextAsync(Path.Combine(_data.Folder, "data"), "a file where the folder should be");

        var refused = await Assert.ThrowsAsync<DatabaseException>(() => _data.Open());

        Assert.Contains("check that its folder exists and that this user may write there", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_throws_leaves_nothing_and_harms_none_of_those_that_share_its_transaction()
    {
        var database = await _data.Open(First);
        var gate = new ManualResetEventSlim();
        var holding = database.Run(_ => gate.Wait(TimeSpan.FromSeconds(10)), default);
        var jobs = Enumerable.Range(0, 20).Select(i => database.Run(
            s =>
            {
                s.Execute("INSERT INTO things (id) VALUES (@id)", ("@id", $"{i}"));
                return i % 2 == 0 ? i : throw new InvalidDataException("odd");
            },
            default)).ToArray();

        gate.Set();
        Assert.True(await holding);
        await Task.WhenAll(jobs).ContinueWith(_ => { }, TaskScheduler.Default);

        Assert.All(jobs.Index(), job => Assert.Equal(job.Index % 2 != 0, job.Item.IsFaulted));
        Assert.Equal(10, await database.Run(s => s.Query("SELECT COUNT(*) FROM things", r => r.GetInt64(0))[0], default));
    }

    [Fact]
    public async Task A_job_that_was_given_up_before_it_began_does_not_run()
    {
        var database = await _data.Open(First);
        var gate = new ManualResetEventSlim();
        var holding = database.Run(_ => gate.Wait(TimeSpan.FromSeconds(10)), default);
        using var givenUp = new CancellationTokenSource();
        var job = database.Run(s => s.Execute("INSERT INTO things (id) VALUES ('x')"), givenUp.Token);

        await givenUp.CancelAsync();
        gate.Set();

        Assert.True(await holding);
        await Task.WhenAny(job);
        Assert.True(job.IsCanceled);
        Assert.Empty(await database.Run(s => s.Query("SELECT id FROM things", r => r.GetString(0)), default));
    }

    [Fact]
    public async Task What_is_queued_at_the_end_is_written_and_later_work_is_refused()
    {
        var database = await _data.Open(First);
        var jobs = Enumerable.Range(0, 100)
            .Select(i => database.Run(s => s.Execute("INSERT INTO things (id) VALUES (@id)", ("@id", $"{i}")), default))
            .ToArray();

        await database.DisposeAsync();

        Assert.Equal(100, (await Task.WhenAll(jobs)).Sum());
        var refused = await Assert.ThrowsAsync<DatabaseException>(() => database.Run(_ => 0, default));
        Assert.Contains("is closed: the node is stopping", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_connection_that_writes_the_same_file_is_waited_for()
    {
        var database = await _data.Open(First);
        await using var other = new SqliteConnection($"Data Source={_data.File}");
        await other.OpenAsync();
        await using var writing = other.BeginTransaction();
        await using var command = other.CreateCommand();
        command.CommandText = "INSERT INTO things (id) VALUES ('other')";
        await command.ExecuteNonQueryAsync();

        var job = database.Run(s => s.Execute("INSERT INTO things (id) VALUES ('directory')"), default);
        Assert.False(job.IsCompleted);
        await writing.CommitAsync();

        Assert.Equal(1, await job);
        SqliteConnection.ClearPool(other);
    }
}
