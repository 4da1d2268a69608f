using System.Collections.Immutable;
using System.Data.Common;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Directory;

/// <summary>A <see cref="DotRow"/> as rows of the tables <c>dots</c>, <c>branches</c> and <c>collaborators</c>.</summary>
internal static class DotRowTables
{
    private const string DotColumns = "id, namespace, name, owner_id, owner_name, node, epoch, status, copies, generation";
    private const string BranchColumns = "dot_id, name, id, origin_filesystem, origin_commit";

    public static List<DotRow> LoadAll(SqlSession session)
    {
        // namespaces, owners and nodes repeat in every row: kept once
        var pool = new Dictionary<string, string>(StringComparer.Ordinal);
        string Shared(string text) => pool.TryGetValue(text, out var known) ? known : pool[text] = text;

        var branches = session.Query($"SELECT {BranchColumns} FROM branches", ReadBranch).ToLookup(b => b.Dot, b => b.Branch);
        var collaborators = session.Query("SELECT dot_id, user_id, user_name FROM collaborators", ReadCollaborator)
            .ToLookup(c => c.Dot, c => c.User);
        return session.Query(
            $"SELECT {DotColumns} FROM dots",
            row => ReadDot(row, Shared, id => collaborators[id], id => branches[id]));
    }

    public static DotRow? Load(SqlSession session, FilesystemId id) => LoadWhere(session, "id = @id", ("@id", id.Value));

    public static DotRow? Load(SqlSession session, DotName name) => LoadWhere(
        session, "namespace = @namespace AND name = @name", ("@namespace", name.Namespace), ("@name", name.Name));

    /// <summary>False when the name or the id is taken.</summary>
    public static bool Insert(SqlSession session, DotRow row)
    {
        var inserted = session.Execute(
            $"""
            INSERT INTO dots ({DotColumns})
            VALUES (@id, @namespace, @name, @owner_id, @owner_name, @node, @epoch, @status, @copies, @generation)
            ON CONFLICT DO NOTHING
            """,
            Parameters(row)) == 1;
        if (inserted)
        {
            InsertParts(session, row);
        }

        return inserted;
    }

    /// <summary>False when a row with a later epoch is there: the writer lost control and does not know it yet.</summary>
    public static bool Upsert(SqlSession session, DotRow row)
    {
        var written = session.Execute(
            $"""
            INSERT INTO dots ({DotColumns})
            VALUES (@id, @namespace, @name, @owner_id, @owner_name, @node, @epoch, @status, @copies, @generation)
            ON CONFLICT (id) DO UPDATE SET
                namespace = excluded.namespace, name = excluded.name, owner_id = excluded.owner_id,
                owner_name = excluded.owner_name, node = excluded.node, epoch = excluded.epoch, status = excluded.status,
                copies = excluded.copies, generation = excluded.generation
            WHERE excluded.epoch >= dots.epoch
            """,
            Parameters(row)) == 1;
        if (written)
        {
            DeleteParts(session, row.Id);
            InsertParts(session, row);
        }

        return written;
    }

    public static void Delete(SqlSession session, FilesystemId id)
    {
        DeleteParts(session, id);
        session.Execute("DELETE FROM dots WHERE id = @id", ("@id", id.Value));
    }

    /// <summary>Kept for ever: a pool that comes back after years must not bring it to life again.</summary>
    public static void Bury(SqlSession session, DotRow row, string now) => session.Execute(
        $"INSERT INTO deleted_dots (id, at, epoch) VALUES (@id, {now}, @epoch) ON CONFLICT DO NOTHING",
        ("@id", row.Id.Value), ("@epoch", row.Epoch));

    /// <summary>The last epoch of a dot that was deleted; 0 when there was none.</summary>
    public static long BuriedEpoch(SqlSession session, FilesystemId id) =>
        session.Query("SELECT epoch FROM deleted_dots WHERE id = @id", row => row.GetInt64(0), ("@id", id.Value)).FirstOrDefault();

    public static void Unbury(SqlSession session, FilesystemId id) =>
        session.Execute("DELETE FROM deleted_dots WHERE id = @id", ("@id", id.Value));

    public static bool IsBuried(SqlSession session, FilesystemId id) =>
        session.Query("SELECT id FROM deleted_dots WHERE id = @id", row => row.GetString(0), ("@id", id.Value)).Count > 0;

    public static int MoveControl(SqlSession session, StorageNodeId from, StorageNodeId to, IEnumerable<FilesystemId> dots)
    {
        const int AtOnce = 200;
        var moved = 0;
        foreach (var some in dots.Chunk(AtOnce))
        {
            var names = some.Select((_, n) => $"@d{n}");
            (string Name, object? Value)[] parameters =
                [("@from", from.Value), ("@to", to.Value), .. some.Select((dot, n) => ($"@d{n}", (object?)dot.Value))];
            moved += session.Execute(
                $"UPDATE dots SET node = @to, epoch = epoch + 1 WHERE node = @from AND id IN ({string.Join(", ", names)})", parameters);
        }

        return moved;
    }

    public static bool MoveControl(SqlSession session, FilesystemId id, long seenEpoch, StorageNodeId to) => session.Execute(
        "UPDATE dots SET node = @node, epoch = epoch + 1 WHERE id = @id AND epoch = @seen",
        ("@node", to.Value),
        ("@id", id.Value),
        ("@seen", seenEpoch)) == 1;

    private static DotRow? LoadWhere(
        SqlSession session, string condition, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        IEnumerable<KeyValuePair<string, string>> Collaborators(string dot) => session
            .Query(
                "SELECT dot_id, user_id, user_name FROM collaborators WHERE dot_id = @dot", ReadCollaborator, ("@dot", dot))
            .Select(c => c.User);
        IEnumerable<BranchRow> Branches(string dot) => session
            .Query($"SELECT {BranchColumns} FROM branches WHERE dot_id = @dot", ReadBranch, ("@dot", dot))
            .Select(b => b.Branch);

        var found = session.Query(
            $"SELECT {DotColumns} FROM dots WHERE {condition}",
            row => ReadDot(row, text => text, _ => [], _ => []),
            parameters);
        return found.Count == 0
            ? null
            : found[0] with
            {
                Collaborators = Collaborators(found[0].Id.Value).ToImmutableSortedDictionary(StringComparer.Ordinal),
                Branches = Branches(found[0].Id.Value).ToImmutableSortedDictionary(
                    b => b.Name, b => b, StringComparer.Ordinal),
            };
    }

    private static void DeleteParts(SqlSession session, FilesystemId id)
    {
        session.Execute("DELETE FROM branches WHERE dot_id = @dot", ("@dot", id.Value));
        session.Execute("DELETE FROM collaborators WHERE dot_id = @dot", ("@dot", id.Value));
    }

    private static void InsertParts(SqlSession session, DotRow row)
    {
        foreach (var branch in row.Branches.Values)
        {
            session.Execute(
                $"INSERT INTO branches ({BranchColumns}) VALUES (@dot, @name, @id, @filesystem, @commit)",
                ("@dot", row.Id.Value),
                ("@name", branch.Name),
                ("@id", branch.Id.Value),
                ("@filesystem", branch.Origin.Filesystem.Value),
                ("@commit", branch.Origin.Commit.Value));
        }

        foreach (var (userId, userName) in row.Collaborators)
        {
            session.Execute(
                "INSERT INTO collaborators (dot_id, user_id, user_name) VALUES (@dot, @user, @name)",
                ("@dot", row.Id.Value),
                ("@user", userId),
                ("@name", userName));
        }
    }

    private static (string Name, object? Value)[] Parameters(DotRow row) =>
    [
        ("@id", row.Id.Value),
        ("@namespace", row.Name.Namespace),
        ("@name", row.Name.Name),
        ("@owner_id", row.OwnerId),
        ("@owner_name", row.OwnerName),
        ("@node", row.Node.Value),
        ("@epoch", row.Epoch),
        ("@status", row.Status.ToString().ToLowerInvariant()),
        ("@copies", row.Copies),
        ("@generation", row.Generation),
    ];

    private static DotRow ReadDot(
        DbDataReader row,
        Func<string, string> shared,
        Func<string, IEnumerable<KeyValuePair<string, string>>> collaborators,
        Func<string, IEnumerable<BranchRow>> branches)
    {
        var id = row.GetString(0);
        return new DotRow(
            new FilesystemId(id),
            new DotName(shared(row.GetString(1)), row.GetString(2)),
            shared(row.GetString(3)),
            shared(row.GetString(4)),
            new StorageNodeId(shared(row.GetString(5))),
            row.GetInt64(6),
            Status(row.GetString(7)),
            collaborators(id).ToImmutableSortedDictionary(StringComparer.Ordinal),
            branches(id).ToImmutableSortedDictionary(b => b.Name, b => b, StringComparer.Ordinal))
        {
            Copies = row.GetInt32(8),
            Generation = row.GetInt64(9),
        };
    }

    private static (string Dot, BranchRow Branch) ReadBranch(DbDataReader row) => (
        row.GetString(0),
        new BranchRow(
            row.GetString(1),
            new FilesystemId(row.GetString(2)),
            new CommitOrigin(new FilesystemId(row.GetString(3)), new CommitId(row.GetString(4)))));

    private static (string Dot, KeyValuePair<string, string> User) ReadCollaborator(DbDataReader row) =>
        (row.GetString(0), KeyValuePair.Create(row.GetString(1), row.GetString(2)));

    private static DotStatus Status(string text) => text switch
    {
        "creating" => DotStatus.Creating,
        "active" => DotStatus.Active,
        "changing" => DotStatus.Changing,
        "deleting" => DotStatus.Deleting,
        _ => throw new DatabaseException($"The table dots holds a status that this program does not know: {text}"),
    };
}
