using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Database;

/// <summary>
/// The tables beside the journal. One thread owns the one writing connection: SQLite's driver blocks and its file takes one
/// writer at a time, so work queues here instead of on locks and on the pool's threads. Jobs that wait together share
/// one transaction, each in a savepoint of its own: many clients pay for one flush to disk.
/// </summary>
public sealed class SqlDatabase : IAsyncDisposable
{
    private const int MaxQueued = 4096;
    private const int MaxBatch = 128;

    private readonly SqlDialect _dialect;
    private readonly SemaphoreSlim _slots = new(MaxQueued);
    private readonly BlockingCollection<SqlJob> _queue = [];
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SqlDatabase(SqlDialect dialect) => _dialect = dialect;

    public string Description => _dialect.Description;

    /// <inheritdoc cref="SqlDialect.IsShared"/>
    public bool IsShared => _dialect.IsShared;

    /// <inheritdoc cref="SqlDialect.NowMillis"/>
    internal string NowMillis => _dialect.NowMillis;

    /// <summary>Keeps the caches of the cluster's nodes alike.</summary>
    public RowChanges Changes { get; } = new();

    /// <summary>Opens and migrates. Throws <see cref="DatabaseException"/>, whose text says what to do.</summary>
    public static Task<SqlDatabase> Open(
        SqlDialect dialect, TimeProvider clock, ILoggerFactory logs, CancellationToken ct) =>
        Open(dialect, Schema.Steps, clock, logs, ct);

    internal static async Task<SqlDatabase> Open(
        SqlDialect dialect, IReadOnlyList<SchemaStep> steps, TimeProvider clock, ILoggerFactory logs, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var database = new SqlDatabase(dialect);
        var log = logs.CreateLogger<SqlDatabase>();
        var writer = new SqlWriter(dialect, database.Changes, steps, clock, log);
        var thread = new Thread(() => database.Write(writer)) { IsBackground = true, Name = "database writer" };
        thread.Start();
        await database._opened.Task;
        return database;
    }

    /// <summary>
    /// Runs a piece of work in a transaction. It may run more than once, and when it throws, nothing of it stays.
    /// <paramref name="committed"/> runs after the commit and before the answer, in the order of
    /// commits, on the writer's thread: the place to bring caches up to date. A token that is cancelled once the work began
    /// changes nothing: it is done whole and answered. The answer waits until the other nodes know of the rows written.
    /// </summary>
    public async Task<T> Run<T>(Func<SqlSession, T> work, Action<T>? committed, CancellationToken ct)
    {
        await _slots.WaitAsync(ct);
        try
        {
            var job = new SqlJob<T>(work, committed, ct);
            try
            {
                _queue.Add(job, CancellationToken.None);
            }
            catch (InvalidOperationException)
            {
                throw new DatabaseException($"The database {_dialect.Description} is closed: the node is stopping.");
            }

            var (result, changes) = await job.Answer;
            if (changes.Count > 0)
            {
                await Changes.Publish(changes);
            }

            return result;
        }
        finally
        {
            _slots.Release();
        }
    }

    public Task<T> Run<T>(Func<SqlSession, T> work, CancellationToken ct) => Run(work, null, ct);

    /// <summary>Whether it can be reached now.</summary>
    public async Task<bool> Answers(CancellationToken ct)
    {
        try
        {
            return await Run(session => session.Query("SELECT 1", row => row.GetInt32(0)).Count == 1, ct);
        }
        catch (DatabaseException)
        {
            // it has been logged
            return false;
        }
    }

    /// <summary>Another node wrote these rows: when this is answered the caches here have them.</summary>
    public Task Refresh(IReadOnlyList<RowChange> changes, CancellationToken ct) =>
        Run(session => Changes.Read(session, changes), Apply, ct);

    /// <summary>For a node that may have missed changes: all cached tables anew.</summary>
    public Task RefreshAll(CancellationToken ct) => Run(Changes.ReadEverything, Apply, ct);

    /// <summary>Finishes what is queued, then lets go of the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.CompleteAdding();
        await _closed.Task;
    }

    internal static void Apply(List<Action> updates) => updates.ForEach(update => update());

    private void Write(SqlWriter writer)
    {
        Exception? refused = null;
        try
        {
            writer.Open();
            _opened.SetResult();
            while (_queue.TryTake(out var first, Timeout.Infinite))
            {
                writer.Run(TakeBatch(first));
            }
        }
        catch (Exception failure) when (!_opened.Task.IsCompleted)
        {
            refused = _dialect.Explain(failure);
        }
        finally
        {
            writer.Dispose();
            _closed.SetResult();
        }

        // only now: whoever hears of it may open the file again at once
        if (refused is not null)
        {
            _opened.SetException(refused);
        }
    }

    private List<SqlJob> TakeBatch(SqlJob first)
    {
        var batch = new List<SqlJob>();
        var next = first;
        do
        {
            if (next.Begin())
            {
                batch.Add(next);
            }
        }
        while (batch.Count < MaxBatch && _queue.TryTake(out next));
        return batch;
    }
}
