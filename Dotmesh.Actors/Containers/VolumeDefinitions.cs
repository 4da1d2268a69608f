using System.Collections.Concurrent;
using Dotmesh.Actors.Database;

namespace Dotmesh.Actors.Containers;

/// <summary>A volume that was made with options.</summary>
/// <param name="Name">As the engine calls it.</param>
/// <param name="Target">What it is a name for.</param>
/// <param name="Commit">Null: live.</param>
public sealed record VolumeDefinition(string Name, VolumeName Target, CommitId? Commit);

/// <summary>
/// The table <c>volumes</c>, cached whole: an engine tells the options of a volume once, and every node has to know them, because its
/// volumes are the same on all of them.
/// </summary>
public sealed class VolumeDefinitions
{
    private const string Table = "volumes";

    private readonly SqlDatabase _database;
    private readonly ConcurrentDictionary<string, VolumeDefinition> _cache = new(StringComparer.Ordinal);

    private VolumeDefinitions(SqlDatabase database) => _database = database;

    public IEnumerable<VolumeDefinition> All => _cache.Values;

    public static async Task<VolumeDefinitions> Open(SqlDatabase database, CancellationToken ct)
    {
        var definitions = new VolumeDefinitions(database);
        database.Changes.Watch(
            Table,
            (session, name) =>
            {
                var row = Load(session, name);
                return () => definitions.Take(name, row);
            },
            session =>
            {
                var all = LoadAll(session);
                return () => definitions.TakeAll(all);
            });
        await database.Run(LoadAll, definitions.TakeAll, ct);
        return definitions;
    }

    public VolumeDefinition? Find(string name) => _cache.GetValueOrDefault(name);

    /// <summary>Answers the one that has the name: this one, or another that had it before.</summary>
    internal Task<VolumeDefinition> Add(VolumeDefinition definition, CancellationToken ct) => _database.Run(
        session =>
        {
            session.Wrote(Table, definition.Name);
            session.Execute(
                "INSERT INTO volumes (name, target, commit_id) VALUES (@name, @target, @commit) ON CONFLICT DO NOTHING",
                ("@name", definition.Name), ("@target", definition.Target.ToString()), ("@commit", definition.Commit?.Value ?? ""));
            return Load(session, definition.Name)!;
        },
        row => Take(row.Name, row),
        ct);

    internal Task Remove(string name, CancellationToken ct) => _database.Run(
        session =>
        {
            session.Wrote(Table, name);
            return session.Execute("DELETE FROM volumes WHERE name = @name", ("@name", name));
        },
        _ => Take(name, null),
        ct);

    private static List<VolumeDefinition> LoadAll(SqlSession session) =>
        session.Query("SELECT name, target, commit_id FROM volumes", Read);

    private static VolumeDefinition? Load(SqlSession session, string name) =>
        session.Query("SELECT name, target, commit_id FROM volumes WHERE name = @name", Read, ("@name", name)).FirstOrDefault();

    private static VolumeDefinition Read(System.Data.Common.DbDataReader row) => new(
        row.GetString(0), VolumeName.Parse(row.GetString(1)).Value, row.GetString(2) is { Length: > 0 } commit ? new CommitId(commit) : null);

    private void Take(string name, VolumeDefinition? row)
    {
        if (row is null)
        {
            _cache.TryRemove(name, out _);
        }
        else
        {
            _cache[name] = row;
        }
    }

    private void TakeAll(List<VolumeDefinition> rows)
    {
        foreach (var gone in _cache.Keys.Except(rows.Select(row => row.Name)).ToList())
        {
            _cache.TryRemove(gone, out _);
        }

        rows.ForEach(row => Take(row.Name, row));
    }
}
