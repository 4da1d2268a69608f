using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace Dotmesh.Actors.Database;

/// <param name="Password">Null: none, or as the server's and the user's own files say.</param>
public sealed record PostgresSettings(string Host, int Port, string Database, string User, string? Password)
{
    public override string ToString() => $"PostgreSQL {Host}:{Port}/{Database} as {User}";
}

/// <summary>
/// One PostgreSQL database for tables and journal of a whole cluster. Its tables are made and migrated by one node at a
/// time, under an advisory lock.
/// </summary>
public sealed class PostgresDialect(PostgresSettings settings) : SqlDialect
{
    private const long MigrationLock = 0x646F746D657368; // "dotmesh"

    private const string JournalTables =
        """
        CREATE TABLE IF NOT EXISTS journal (
            ordering bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            created bigint NOT NULL,
            deleted boolean NOT NULL,
            persistence_id text NOT NULL,
            sequence_number bigint NOT NULL,
            message bytea NOT NULL,
            tags text,
            manifest text,
            identifier integer,
            writer_uuid text,
            CONSTRAINT journal_uq UNIQUE (persistence_id, sequence_number));
        CREATE INDEX IF NOT EXISTS journal_created_idx ON journal (created);
        CREATE INDEX IF NOT EXISTS journal_sequence_number_idx ON journal (sequence_number);
        """;

    public override string Description => settings.ToString();

    public override bool IsShared => true;

    public override string NowMillis => "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint";

    // a fixed version: asking the server for its own costs a connection at each start
    public override JournalSettings Journal => new(
        ConnectionString(pooling: true), "PostgreSQL.15", 3, false, false, NpgsqlFactory.Instance, Explain);

    public override DbConnection Connect()
    {
        var connection = new NpgsqlConnection(ConnectionString(pooling: false));
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public override void Prepare(DbConnection connection, Action migrate)
    {
        Execute(connection, $"SELECT pg_advisory_lock({MigrationLock})");
        try
        {
            Execute(connection, JournalTables);
            migrate();
        }
        finally
        {
            Execute(connection, $"SELECT pg_advisory_unlock({MigrationLock})");
        }
    }

    /// <summary>Two nodes waited for each other, or wrote the same row: the server undid this side whole.</summary>
    public override bool MayRepeat(Exception failure) =>
        failure is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure };

    public override DatabaseException Explain(Exception failure) => failure as DatabaseException
        ?? new DatabaseException($"The database {Description} {Advice(failure)} ({OneLine(failure)})", failure);

    public override void Dispose()
    {
    }

    /// <summary>The driver's own message of a server's error has lines about redaction after the one that says something.</summary>
    private static string OneLine(Exception failure) => failure is PostgresException answer
        ? $"{answer.SqlState}: {answer.MessageText}"
        : failure.Message.ReplaceLineEndings(" ");

    private static string Advice(Exception failure) => failure switch
    {
        PostgresException { SqlState: "28P01" or "28000" } =>
            "refuses this user: check Database:User and the password (Database:PasswordFile).",
        PostgresException { SqlState: "3D000" } => "does not exist: create it, or correct Database:Name.",
        PostgresException { SqlState: "42501" } => "forbids it: give this user the right to create tables in it.",
        PostgresException { SqlState: "53100" } => "cannot grow because its disk is full: free space there, nothing stored is lost.",
        PostgresException { SqlState: "57P01" or "57P02" or "57P03" } => "is stopping or starting: the call can be repeated in a moment.",
        PostgresException { SqlState: var code } => $"failed with PostgreSQL error {code}.",
        NpgsqlException or SocketException or TimeoutException =>
            "cannot be reached: check that it runs, and Database:Host and Database:Port; the call can be repeated then.",
        _ => "failed.",
    };

    private static void Execute(DbConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private string ConnectionString(bool pooling) => new NpgsqlConnectionStringBuilder
    {
        Host = settings.Host,
        Port = settings.Port,
        Database = settings.Database,
        Username = settings.User,
        Password = settings.Password,
        Pooling = pooling,
        // writers, recoveries and queries of the journal
        MaxPoolSize = 24,
        // short: whoever waits for the database has a deadline of its own
        Timeout = 5,
        CommandTimeout = 10,
        // a server that vanished without a word is noticed while nothing is asked of it
        KeepAlive = 5,
        ApplicationName = "dotmesh",
        // a node that was cut off or frozen in the middle of a transaction holds the locks of its rows, which those need who take its place;
        // shorter than KeepAlive, which would count as work
        Options = "-c idle_in_transaction_session_timeout=4000",
        // rollback to savepoints is done here, job by job
        IncludeErrorDetail = false,
    }.ConnectionString;
}
