using System.Data.Common;

namespace Dotmesh.Actors.Database;

/// <summary>
/// All that differs between database engines. Statements elsewhere keep to what SQLite and PostgreSQL share: TEXT, BIGINT,
/// <c>@name</c> parameters, <c>ON CONFLICT</c>.
/// </summary>
public abstract class SqlDialect : IDisposable
{
    /// <summary>For the log: the engine and where the data is.</summary>
    public abstract string Description { get; }

    /// <summary>Where the journal belongs: beside the tables, where it and they do not wait for each other.</summary>
    public abstract string JournalConnectionString { get; }

    /// <summary>Opens the writer's connection, ready for use. Blocks: called on the writer's thread only.</summary>
    public abstract DbConnection Connect();

    /// <summary>Says in plain words what went wrong and what to do.</summary>
    public abstract DatabaseException Explain(Exception failure);

    /// <summary>Lets go of what <see cref="Connect"/> took besides the connection.</summary>
    public abstract void Dispose();
}
