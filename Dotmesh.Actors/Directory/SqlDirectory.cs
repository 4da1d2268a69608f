using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Directory;

/// <summary>
/// A projection carries a name that another dot has: two filesystems of a pool are labelled with one name, or a name was
/// given away while its dot was not known here.
/// </summary>
public sealed class DirectoryConflictException(DotRow row, DotRow holder) : Exception(
    $"The name {row.Name} of dot {row.Id} belongs to dot {holder.Id}: rename or delete one of the two.")
{
    public DotRow Row { get; } = row;

    public DotRow Holder { get; } = holder;
}

/// <summary><see cref="IDirectory"/> on the tables <c>dots</c>, <c>branches</c> and <c>collaborators</c>, cached whole.</summary>
public sealed class SqlDirectory : IDirectory
{
    private const string Table = "dots";

    private readonly SqlDatabase _database;
    private readonly ILogger _log;
    private readonly DirectoryCache _cache = new();

    private SqlDirectory(SqlDatabase database, ILogger log)
    {
        _database = database;
        _log = log;
    }

    public IReadOnlyCollection<DotRow> Dots => _cache.All;

    public static async Task<SqlDirectory> Open(
        SqlDatabase database, TimeProvider clock, ILoggerFactory logs, CancellationToken ct)
    {
        var log = logs.CreateLogger<SqlDirectory>();
        var directory = new SqlDirectory(database, log);
        var started = clock.GetTimestamp();
        database.Changes.Watch(
            Table,
            (session, id) => directory.Take(new FilesystemId(id), DotRowTables.Load(session, new FilesystemId(id))),
            session => directory.TakeAll(DotRowTables.LoadAll(session)));
        var loaded = await database.Run(DotRowTables.LoadAll, rows => directory.TakeAll(rows)(), ct);
        log.LogInformation(
            "Directory of {Dots} dots read in {Milliseconds:F0} ms",
            loaded.Count,
            clock.GetElapsedTime(started).TotalMilliseconds);
        return directory;
    }

    public DotRow? Find(DotName name) => _cache.Find(name);

    public DotRow? Find(FilesystemId dot) => _cache.Find(dot);

    public DotTarget? FindFilesystem(FilesystemId filesystem) => _cache.FindFilesystem(filesystem);

    public Task<(DotRow Row, bool Reserved)> Reserve(DotRow row, CancellationToken ct)
    {
        var creating = row with { Status = DotStatus.Creating };
        return _database.Run(
            session =>
            {
                // one that was deleted and comes back from another cluster: copies of the deleted one are older than it
                var reserved = creating with { Epoch = Math.Max(row.Epoch, DotRowTables.BuriedEpoch(session, row.Id) + 1) };
                if (!DotRowTables.Insert(session, reserved))
                {
                    return (DotRowTables.Load(session, row.Name) ?? throw IdTaken(row), false);
                }

                DotRowTables.Unbury(session, row.Id);
                session.Wrote(Table, row.Id.Value);
                return (reserved, true);
            },
            outcome => _cache.Set(outcome.Item1),
            ct);
    }

    public async Task Project(DotRow row, CancellationToken ct)
    {
        var stored = await _database.Run(
            session =>
            {
                if (DotRowTables.Load(session, row.Name) is { } holder && holder.Id != row.Id)
                {
                    throw new DirectoryConflictException(row, holder);
                }

                if (!DotRowTables.Upsert(session, row))
                {
                    return DotRowTables.Load(session, row.Id)!;
                }

                session.Wrote(Table, row.Id.Value);
                return row;
            },
            _cache.Set,
            ct);
        if (stored.Epoch > row.Epoch)
        {
            _log.LogWarning(
                "Dot {Dot} is at epoch {Epoch} on node {Node}: what epoch {Stale} had to say about it is not taken",
                row.Id,
                stored.Epoch,
                stored.Node,
                row.Epoch);
        }
    }

    public Task Remove(FilesystemId dot, CancellationToken ct) => _database.Run(
        session =>
        {
            if (DotRowTables.Load(session, dot) is { } row)
            {
                DotRowTables.Delete(session, dot);
                DotRowTables.Bury(session, row, _database.NowMillis);
            }

            session.Wrote(Table, dot.Value);
            return dot;
        },
        _cache.Remove,
        ct);

    public async Task<IReadOnlySet<FilesystemId>> Deleted(IReadOnlyCollection<FilesystemId> dots, CancellationToken ct) =>
        await _database.Run(session => dots.Where(dot => DotRowTables.IsBuried(session, dot)).ToHashSet(), ct);

    public void Watch(Action<FilesystemId> changed) => _cache.Changed += changed;

    public async Task<bool> MoveControl(FilesystemId dot, long seenEpoch, StorageNodeId to, CancellationToken ct)
    {
        var (moved, _) = await _database.Run(
            session =>
            {
                var won = DotRowTables.MoveControl(session, dot, seenEpoch, to);
                if (won)
                {
                    session.Wrote(Table, dot.Value);
                }

                return (Moved: won, Row: DotRowTables.Load(session, dot));
            },
            // also after losing: the caller's picture was stale, and so may be the cache
            outcome => Take(dot, outcome.Row)(),
            ct);
        return moved;
    }

    public async Task<int> TakeOver(
        StorageNodeId dead, IReadOnlyDictionary<StorageNodeId, IReadOnlyList<FilesystemId>> to, CancellationToken ct)
    {
        var nodes = new NodeTables(_database.NowMillis);
        var (moved, _) = await _database.Run(
            session =>
            {
                if (!nodes.Replace(session, dead))
                {
                    return (0, () => { });
                }

                var count = to.Sum(node => DotRowTables.MoveControl(session, dead, node.Key, node.Value));
                session.Wrote(Table, RowChange.Every);
                return (Moved: count, Apply: TakeAll(DotRowTables.LoadAll(session)));
            },
            outcome => outcome.Item2(),
            ct);
        return moved;
    }

    private Action Take(FilesystemId dot, DotRow? row) => () =>
    {
        if (row is null)
        {
            _cache.Remove(dot);
        }
        else
        {
            _cache.Set(row);
        }
    };

    private Action TakeAll(List<DotRow> rows) => () =>
    {
        var there = rows.Select(row => row.Id).ToHashSet();
        foreach (var gone in _cache.All.Where(row => !there.Contains(row.Id)).ToList())
        {
            _cache.Remove(gone.Id);
        }

        rows.ForEach(_cache.Set);
    };

    private static InvalidOperationException IdTaken(DotRow row) =>
        new($"The id {row.Id} that was to become {row.Name} belongs to another dot.");
}
