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

    /// <summary>Several nodes may use it at once: the condition for a cluster.</summary>
    public abstract bool IsShared { get; }

    /// <summary>Where the journal belongs: beside the tables, where it and they do not wait for each other.</summary>
    public abstract JournalSettings Journal { get; }

    /// <summary>An expression: the database's own clock, in milliseconds since 1970, as BIGINT.</summary>
    public abstract string NowMillis { get; }

    /// <summary>Opens the writer's connection, ready for use. Blocks: called on the writer's thread only.</summary>
    public abstract DbConnection Connect();

    /// <summary>Runs the migration with no other node doing the same; makes first what the journal needs.</summary>
    public virtual void Prepare(DbConnection connection, Action migrate) => migrate();

    /// <summary>The transaction was undone through no fault of its own: the same work may succeed at once.</summary>
    public virtual bool MayRepeat(Exception failure) => false;

    /// <summary>Says in plain words what went wrong and what to do.</summary>
    public abstract DatabaseException Explain(Exception failure);

    /// <summary>Lets go of what <see cref="Connect"/> took besides the connection.</summary>
    public abstract void Dispose();
}
