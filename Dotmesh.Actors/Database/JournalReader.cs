using System.Collections.Immutable;
using System.Data.Common;
using System.Net.Sockets;
using System.Text.Json;
using Dotmesh.Actors.Serialization;

namespace Dotmesh.Actors.Database;

/// <param name="Sequence">Its place among the events of its actor, from 1.</param>
public sealed record JournalEntry<TEvent>(long Sequence, TEvent Event);

/// <summary>
/// What was persisted for an actor, for people to read. It wakes no actor: one that was stopped long ago, or lives on another node, is read
/// as cheaply as any other.
/// </summary>
internal sealed class JournalReader(JournalSettings journal)
{
    // by the unique index on these two columns: what it costs depends on what it answers
    private const string Newest =
        """
        SELECT sequence_number, manifest, message FROM journal
        WHERE persistence_id = @id AND sequence_number < @before ORDER BY sequence_number DESC LIMIT @most
        """;

    // by the primary key, back from its end: however long the journal is, no more of it is looked at than the inner limit says
    private const string NewestOfAll =
        """
        SELECT ordering, manifest, message, persistence_id FROM (
            SELECT ordering, manifest, message, persistence_id FROM journal WHERE ordering < @before ORDER BY ordering DESC LIMIT @scanned) AS newest
        WHERE persistence_id LIKE @kind AND (@manifest = '' OR manifest = @manifest) ORDER BY ordering DESC
        """;

    /// <summary>The newest first. Failures are <see cref="DatabaseException"/>.</summary>
    /// <param name="before">Only what has a smaller <see cref="JournalEntry{TEvent}.Sequence"/>; 0: from the newest on.</param>
    public async Task<ImmutableArray<JournalEntry<TEvent>>> Read<TEvent>(string persistenceId, long before, int most, CancellationToken ct)
        where TEvent : IDotmeshMessage
    {
        var found = new List<JournalEntry<TEvent>>();
        await Query(
            Newest,
            row =>
            {
                if (Event(row) is TEvent known)
                {
                    found.Add(new JournalEntry<TEvent>(row.GetInt64(0), known));
                }

                return true;
            },
            ct, ("@id", persistenceId), ("@before", From(before)), ("@most", most));
        return [.. found];
    }

    /// <summary>
    /// The same of all actors of a kind. <see cref="JournalEntry{TEvent}.Sequence"/> is the place in the whole journal. Failures are
    /// <see cref="DatabaseException"/>.
    /// </summary>
    /// <param name="kind">What their persistence ids begin with.</param>
    /// <param name="manifest">Only events of this one; empty: all.</param>
    /// <param name="scanned">So many of the newest rows are looked at.</param>
    /// <param name="counts">Whether an actor's events are wanted, by the rest of its persistence id.</param>
    public async Task<ImmutableArray<(string Id, JournalEntry<TEvent> Entry)>> ReadAll<TEvent>(
        string kind, string manifest, long before, int most, int scanned, Func<string, bool> counts, CancellationToken ct)
        where TEvent : IDotmeshMessage
    {
        var found = new List<(string Id, JournalEntry<TEvent> Entry)>();
        await Query(
            NewestOfAll,
            row =>
            {
                var id = row.GetString(3)[kind.Length..];
                if (counts(id) && Event(row) is TEvent known)
                {
                    found.Add((id, new JournalEntry<TEvent>(row.GetInt64(0), known)));
                }

                return found.Count < most;
            },
            ct, ("@kind", kind + "%"), ("@manifest", manifest), ("@before", From(before)), ("@scanned", scanned));
        return [.. found];
    }

    private static long From(long before) => before == 0 ? long.MaxValue : before;

    /// <summary>Null: of a newer program.</summary>
    private static object? Event(DbDataReader row) =>
        Manifests.Find(row.GetString(1)) is { } type ? JsonSerializer.Deserialize(row.GetFieldValue<byte[]>(2), type) : null;

    /// <summary>The blocking driver gets a thread of the pool for the moment that an index look-up takes.</summary>
    /// <param name="read">Answers whether to go on to the next row.</param>
    private Task Query(string sql, Func<DbDataReader, bool> read, CancellationToken ct, params (string Name, object Value)[] values) =>
        Task.Run(
            async () =>
            {
                try
                {
                    await using var connection = journal.Factory.CreateConnection()!;
                    connection.ConnectionString = journal.ConnectionString;
                    await connection.OpenAsync(ct);
                    await using var command = connection.CreateCommand();
                    command.CommandText = sql;
                    foreach (var (name, value) in values)
                    {
                        var parameter = command.CreateParameter();
                        (parameter.ParameterName, parameter.Value) = (name, value);
                        command.Parameters.Add(parameter);
                    }

                    await using var rows = await command.ExecuteReaderAsync(ct);
                    while (await rows.ReadAsync(ct) && read(rows))
                    {
                    }
                }
                catch (Exception failure) when (failure is DbException or SocketException or TimeoutException or IOException)
                {
                    throw journal.Explain(failure);
                }
            },
            ct);
}
