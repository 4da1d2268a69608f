namespace Dotmesh.Actors.Database;

/// <summary>A row that somebody wrote: the tables are cached whole on every node of a cluster.</summary>
/// <param name="Table">As in the schema.</param>
/// <param name="Id">Its primary key.</param>
public sealed record RowChange(string Table, string Id)
{
    /// <summary>In place of an id: so many rows that the table is read whole.</summary>
    public const string Every = "*";
}

/// <summary>
/// Keeps the caches of several nodes alike: what this node wrote is told to the others before the writer is answered, and
/// what others wrote is read again here. A change says which row and never what is in it: the database does.
/// </summary>
public sealed class RowChanges
{
    private readonly Dictionary<string, Reader> _readers = new(StringComparer.Ordinal);

    /// <summary>Reads one row again and answers what to do in memory once that read is over.</summary>
    internal delegate Action ReadRow(SqlSession session, string id);

    /// <summary>The same for the whole table.</summary>
    internal delegate Action ReadAll(SqlSession session);

    /// <summary>Tells the other nodes; set by the cluster, nobody to tell without one. Never throws: who cannot be told reads all again later.</summary>
    public Func<IReadOnlyList<RowChange>, Task> Publish { get; set; } = _ => Task.CompletedTask;

    internal void Watch(string table, ReadRow one, ReadAll all) => _readers[table] = new Reader(one, all);

    internal List<Action> Read(SqlSession session, IEnumerable<RowChange> changes) =>
        [.. changes.Distinct().Where(change => _readers.ContainsKey(change.Table))
            .Select(change => change.Id == RowChange.Every
                ? _readers[change.Table].All(session)
                : _readers[change.Table].One(session, change.Id))];

    internal List<Action> ReadEverything(SqlSession session) => [.. _readers.Values.Select(reader => reader.All(session))];

    private sealed record Reader(ReadRow One, ReadAll All);
}
