using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using Dotmesh.Actors.Clustering;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Database;

/// <summary>A step from one version of the schema to the next; never changed once released, only followed by another.</summary>
internal sealed record SchemaStep(int Version, string Name, ImmutableArray<string> Statements);

/// <summary>Brings a database to the newest schema: each missing step whole, in a transaction, recorded in <c>schema_version</c>.</summary>
internal static class SchemaMigration
{
    // the tables that nodes of a cluster tell each other by
    private const int ClusterTables = 3;

    /// <summary>Throws <see cref="DatabaseException"/> when the versions do not go together; the nodes that are up log it too.</summary>
    public static void Run(
        DbConnection connection, SqlDialect dialect, IReadOnlyList<SchemaStep> steps, TimeProvider clock, ILogger log)
    {
        var found = CurrentVersion(connection);
        var newest = steps[^1].Version;
        if (found > newest)
        {
            throw Refused(
                connection,
                dialect,
                found,
                $"The database has schema version {found}, but this program knows versions up to {newest}: it was last used by "
                + "a newer program. Start that one, or restore a copy of the database made before the upgrade.");
        }

        if (found < newest && LiveNodes(connection, dialect, found) is > 0 and var live)
        {
            throw Refused(
                connection,
                dialect,
                found,
                $"The database has schema version {found} and this program needs version {newest}, but {live} nodes with an older program "
                + "use it: stop all of them, then start the new program on each. A node that was killed counts until its lease has "
                + "expired, a few seconds.");
        }

        foreach (var step in steps.Where(step => step.Version > found))
        {
            Apply(connection, step, clock.GetUtcNow());
            log.LogInformation("Database schema is now version {Version} ({Name})", step.Version, step.Name);
        }
    }

    private static long CurrentVersion(DbConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        var session = new SqlSession(connection, transaction);
        session.Execute(
            """
            CREATE TABLE IF NOT EXISTS schema_version (
                version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)
            """);
        var version = session.Query("SELECT COALESCE(MAX(version), 0) FROM schema_version", row => row.GetInt64(0))[0];
        transaction.Commit();
        return version;
    }

    private static long LiveNodes(DbConnection connection, SqlDialect dialect, long found)
    {
        if (!dialect.IsShared || found < ClusterTables)
        {
            return 0;
        }

        using var transaction = connection.BeginTransaction();
        return new SqlSession(connection, transaction)
            .Query($"SELECT COUNT(*) FROM nodes WHERE lease_until > {dialect.NowMillis}", row => row.GetInt64(0))[0];
    }

    private static DatabaseException Refused(DbConnection connection, SqlDialect dialect, long found, string reason)
    {
        if (dialect.IsShared && found >= ClusterTables)
        {
            using var transaction = connection.BeginTransaction();
            // which pool it has is not known yet: the machine's name has to do
            new NodeTables(dialect.NowMillis).NoteRefusal(
                new SqlSession(connection, transaction), "of another version", Environment.MachineName, reason);
            transaction.Commit();
        }

        return new DatabaseException(reason);
    }

    private static void Apply(DbConnection connection, SchemaStep step, DateTimeOffset now)
    {
        using var transaction = connection.BeginTransaction();
        var session = new SqlSession(connection, transaction);
        foreach (var statement in step.Statements)
        {
            session.Execute(statement);
        }

        session.Execute(
            "INSERT INTO schema_version (version, name, applied_at) VALUES (@version, @name, @at)",
            ("@version", (long)step.Version),
            ("@name", step.Name),
            ("@at", now.ToString("O", CultureInfo.InvariantCulture)));
        transaction.Commit();
    }
}
