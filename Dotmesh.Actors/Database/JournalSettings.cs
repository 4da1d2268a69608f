namespace Dotmesh.Actors.Database;

/// <summary>Where and how the journal of Akka.Persistence.Sql writes.</summary>
/// <param name="Provider">Name of linq2db's provider.</param>
/// <param name="Parallelism">Writers at once.</param>
/// <param name="MakesTables">The journal makes its own tables; not in a cluster, where several nodes would race.</param>
/// <param name="Blocks">The driver's calls block their thread, so that they get threads of their own.</param>
public sealed record JournalSettings(
    string ConnectionString, string Provider, int Parallelism, bool MakesTables, bool Blocks)
{
    public static JournalSettings Sqlite(string connectionString) => new(connectionString, "SQLite.MS", 1, true, true);

    // not the generated one: the connection string may hold a password
    public override string ToString() => $"journal of {Provider}";
}
