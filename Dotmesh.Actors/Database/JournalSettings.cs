using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Dotmesh.Actors.Database;

/// <summary>Where and how the journal of Akka.Persistence.Sql writes.</summary>
/// <param name="Provider">Name of linq2db's provider.</param>
/// <param name="Parallelism">Writers at once.</param>
/// <param name="MakesTables">The journal makes its own tables; not in a cluster, where several nodes would race.</param>
/// <param name="Blocks">The driver's calls block their thread, so that they get threads of their own.</param>
/// <param name="Factory">Makes connections for who reads it otherwise than by recovering an actor.</param>
/// <param name="Explain">See <see cref="SqlDialect.Explain"/>.</param>
public sealed record JournalSettings(
    string ConnectionString, string Provider, int Parallelism, bool MakesTables, bool Blocks, DbProviderFactory Factory,
    Func<Exception, DatabaseException> Explain)
{
    public static JournalSettings Sqlite(string connectionString, Func<Exception, DatabaseException> explain) =>
        new(connectionString, "SQLite.MS", 1, true, true, SqliteFactory.Instance, explain);

    // not the generated one: the connection string may hold a password
    public override string ToString() => $"journal of {Provider}";
}
