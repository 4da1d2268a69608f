using System.Data.Common;
using System.Text.Json;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Serialization;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>A row of the table <c>transfers</c>: the projection of a transfer's events, and what is needed to go on with it.</summary>
/// <param name="Dot">The local dot's id.</param>
/// <param name="Node">Who runs it; null for a push that another cluster announced here.</param>
/// <param name="AskedBy">User id.</param>
/// <param name="Request">Null for an announced one. Its key is sealed in <paramref name="Secret"/>.</param>
internal sealed record TransferRow(
    string Id, FilesystemId Dot, StorageNodeId? Node, bool Running, string AskedBy, DateTimeOffset AskedAt, StoredRequest? Request,
    string Secret, TransferRecord Record)
{
    // not the generated one, which would print the sealed key
    public override string ToString() => $"transfer {Id}";
}

/// <summary>A <see cref="TransferRequest"/> without its key.</summary>
internal sealed record StoredRequest(
    string Peer, int Port, string User, string Direction, DotName Local, string LocalBranch, string RemoteNamespace, string RemoteName,
    string RemoteBranch, string TargetCommit, bool StashDivergence, long BytesPerSecond, bool StopContainers = false)
{
    public static StoredRequest Of(TransferRequest request) => new(
        request.Peer, request.Port, request.User, request.Direction.Text(), request.Local, request.LocalBranch, request.RemoteNamespace,
        request.RemoteName, request.RemoteBranch, request.TargetCommit, request.StashDivergence, request.BytesPerSecond,
        request.StopContainers);

    public TransferRequest With(string apiKey) => new()
    {
        Peer = Peer,
        Port = Port,
        User = User,
        ApiKey = apiKey,
        Direction = TransferDirections.Stored(Direction),
        Local = Local,
        LocalBranch = LocalBranch,
        RemoteNamespace = RemoteNamespace,
        RemoteName = RemoteName,
        RemoteBranch = RemoteBranch,
        TargetCommit = TargetCommit,
        StashDivergence = StashDivergence,
        BytesPerSecond = BytesPerSecond,
        StopContainers = StopContainers,
    };
}

/// <summary>A filesystem that another cluster said it will push (contract 2.6, RegisterFilesystem).</summary>
/// <param name="Branch"><c>""</c> and no origin for the master branch.</param>
/// <param name="UserId">Who registered it, and may push it.</param>
internal sealed record Registration(
    FilesystemId Filesystem, FilesystemId Dot, DotName Name, string Branch, CommitOrigin? Origin, string UserId);

/// <summary>The tables <c>transfers</c> and <c>registrations</c>, shared by the nodes of a cluster. Failures are <see cref="DatabaseException"/>.</summary>
internal sealed class TransferTables(SqlDatabase database)
{
    private const string Columns = "id, dot_id, node, running, asked_by, asked_at, request, secret, record";

    /// <summary>False when the id is taken.</summary>
    public Task<bool> Insert(TransferRow row, CancellationToken ct) => database.Run(
        session => session.Execute(
            """
            INSERT INTO transfers (id, dot_id, filesystem, node, running, asked_by, asked_at, request, secret, record)
            VALUES (@id, @dot, @filesystem, @node, @running, @by, @at, @request, @secret, @record) ON CONFLICT DO NOTHING
            """,
            ("@id", row.Id), ("@dot", row.Dot.Value), ("@filesystem", row.Record.Filesystem?.Value ?? ""), ("@node", row.Node?.Value ?? ""),
            ("@running", row.Running ? 1 : 0), ("@by", row.AskedBy), ("@at", row.AskedAt.ToUnixTimeMilliseconds()),
            ("@request", row.Request is null ? "" : JsonSerializer.Serialize(row.Request, Wire.Default.StoredRequest)),
            ("@secret", row.Secret), ("@record", Text(row.Record))) == 1,
        ct);

    /// <summary>The projection, as it is now.</summary>
    public Task Save(TransferRecord record, StorageNodeId? node, bool running, CancellationToken ct) => database.Run(
        session => session.Execute(
            "UPDATE transfers SET record = @record, filesystem = @filesystem, node = @node, running = @running WHERE id = @id",
            ("@id", record.Id), ("@record", Text(record)), ("@filesystem", record.Filesystem?.Value ?? ""), ("@node", node?.Value ?? ""),
            ("@running", running ? 1 : 0)),
        ct);

    /// <summary>Who is to run it from now on; nothing else of the row changes.</summary>
    public Task GiveTo(string id, StorageNodeId node, CancellationToken ct) => database.Run(
        session => session.Execute("UPDATE transfers SET node = @node, running = 1 WHERE id = @id", ("@id", id), ("@node", node.Value)), ct);

    public async Task<TransferRow?> Find(string id, CancellationToken ct) =>
        (await Rows("WHERE id = @id", ct, ("@id", id))).FirstOrDefault();

    /// <summary>Those that a node has to go on with, oldest first.</summary>
    public Task<List<TransferRow>> Unfinished(CancellationToken ct) =>
        Rows("WHERE running = 1 AND node <> '' ORDER BY asked_at", ct);

    /// <summary>Pushes of the filesystem that were announced here and have not come yet.</summary>
    public Task<List<TransferRow>> Announced(FilesystemId filesystem, CancellationToken ct) =>
        Rows("WHERE filesystem = @filesystem AND node = '' AND running = 1 ORDER BY asked_at DESC", ct, ("@filesystem", filesystem.Value));

    /// <summary>Other pushes of the filesystem that a user announced will not come any more.</summary>
    public Task Supersede(FilesystemId filesystem, string by, string user, CancellationToken ct) => database.Run(
        session => session.Execute(
            "UPDATE transfers SET running = 0 WHERE filesystem = @filesystem AND node = '' AND running = 1 AND asked_by = @user AND id <> @by",
            ("@filesystem", filesystem.Value), ("@user", user), ("@by", by)),
        ct);

    /// <summary>Newest first.</summary>
    public Task<List<TransferRow>> Newest(int most, CancellationToken ct) =>
        Rows("ORDER BY asked_at DESC, id LIMIT @most", ct, ("@most", (long)most));

    public Task Register(IReadOnlyCollection<Registration> registrations, DateTimeOffset now, CancellationToken ct) => database.Run(
        session => registrations.Sum(one =>
        {
            session.Execute("DELETE FROM registrations WHERE filesystem = @id", ("@id", one.Filesystem.Value));
            return session.Execute(
                """
                INSERT INTO registrations (filesystem, dot_id, namespace, name, branch, origin_filesystem, origin_commit, user_id, at)
                VALUES (@id, @dot, @namespace, @name, @branch, @origin, @commit, @user, @at)
                """,
                ("@id", one.Filesystem.Value), ("@dot", one.Dot.Value), ("@namespace", one.Name.Namespace), ("@name", one.Name.Name),
                ("@branch", one.Branch), ("@origin", one.Origin?.Filesystem.Value ?? ""), ("@commit", one.Origin?.Commit.Value ?? ""),
                ("@user", one.UserId), ("@at", now.ToUnixTimeMilliseconds()));
        }),
        ct);

    public async Task<Registration?> Registered(FilesystemId filesystem, CancellationToken ct)
    {
        var rows = await database.Run(
            session => session.Query(
                """
                SELECT filesystem, dot_id, namespace, name, branch, origin_filesystem, origin_commit, user_id
                FROM registrations WHERE filesystem = @id
                """,
                ReadRegistration,
                ("@id", filesystem.Value)),
            ct);
        return rows.FirstOrDefault();
    }

    public Task Forget(FilesystemId filesystem, CancellationToken ct) => database.Run(
        session => session.Execute("DELETE FROM registrations WHERE filesystem = @id", ("@id", filesystem.Value)), ct);

    private Task<List<TransferRow>> Rows(string where, CancellationToken ct, params (string Name, object? Value)[] parameters) =>
        database.Run(session => session.Query($"SELECT {Columns} FROM transfers {where}", Read, parameters), ct);

    private static string Text(TransferRecord record) => JsonSerializer.Serialize(StoredRecord.Of(record), Wire.Default.StoredRecord);

    private static TransferRow Read(DbDataReader row) => new(
        row.GetString(0),
        new FilesystemId(row.GetString(1)),
        row.GetString(2).Length == 0 ? null : new StorageNodeId(row.GetString(2)),
        row.GetInt64(3) == 1,
        row.GetString(4),
        DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(5)),
        row.GetString(6).Length == 0 ? null : JsonSerializer.Deserialize(row.GetString(6), Wire.Default.StoredRequest),
        row.GetString(7),
        JsonSerializer.Deserialize(row.GetString(8), Wire.Default.StoredRecord)!.Read());

    private static Registration ReadRegistration(DbDataReader row) => new(
        new FilesystemId(row.GetString(0)),
        new FilesystemId(row.GetString(1)),
        new DotName(row.GetString(2), row.GetString(3)),
        row.GetString(4),
        row.GetString(5).Length == 0 ? null : new CommitOrigin(new FilesystemId(row.GetString(5)), new CommitId(row.GetString(6))),
        row.GetString(7));
}
