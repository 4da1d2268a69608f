using System.Collections.Concurrent;
using System.Data.Common;
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
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _slots = new(MaxQueued);
    private readonly BlockingCollection<SqlJob> _queue = [];
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SqlDatabase(SqlDialect dialect, TimeProvider clock, ILogger log)
    {
        _dialect = dialect;
        _clock = clock;
        _log = log;
    }

    /// <summary>For the journal: write-ahead log and file mode are set when this is open.</summary>
    public string JournalConnectionString => _dialect.JournalConnectionString;

    public string Description => _dialect.Description;

    /// <summary>Opens and migrates. Throws <see cref="DatabaseException"/>, whose text says what to do.</summary>
    public static Task<SqlDatabase> Open(
        SqlDialect dialect, TimeProvider clock, ILoggerFactory logs, CancellationToken ct) =>
        Open(dialect, Schema.Steps, clock, logs, ct);

    internal static async Task<SqlDatabase> Open(
        SqlDialect dialect, IReadOnlyList<SchemaStep> steps, TimeProvider clock, ILoggerFactory logs, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var database = new SqlDatabase(dialect, clock, logs.CreateLogger<SqlDatabase>());
        var writer = new Thread(() => database.Write(steps)) { IsBackground = true, Name = "database writer" };
        writer.Start();
        await database._opened.Task;
        return database;
    }

    /// <summary>
    /// Runs a piece of work in a transaction. It may run again from the start only if the caller calls again; when it throws,
    /// nothing of it stays. <paramref name="committed"/> runs after the commit and before the answer, in the order of
    /// commits, on the writer's thread: the place to bring caches up to date. A token that is cancelled once the work began
    /// changes nothing: it is done whole and answered.
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

            return await job.Answer;
        }
        finally
        {
            _slots.Release();
        }
    }

    public Task<T> Run<T>(Func<SqlSession, T> work, CancellationToken ct) => Run(work, null, ct);

    /// <summary>Finishes what is queued, then lets go of the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.CompleteAdding();
        await _closed.Task;
    }

    private void Write(IReadOnlyList<SchemaStep> steps)
    {
        DbConnection? connection = null;
        try
        {
            connection = _dialect.Connect();
            SchemaMigration.Run(connection, steps, _clock, _log);
            _opened.SetResult();
            while (_queue.TryTake(out var first, Timeout.Infinite))
            {
                RunBatch(connection, TakeBatch(first));
            }
        }
        catch (Exception failure) when (!_opened.Task.IsCompleted)
        {
            _opened.SetException(_dialect.Explain(failure));
        }
        finally
        {
            connection?.Dispose();
            _dialect.Dispose();
            _closed.SetResult();
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

    private void RunBatch(DbConnection connection, List<SqlJob> batch)
    {
        var done = new List<SqlJob>(batch.Count);
        var failed = new HashSet<SqlJob>();
        try
        {
            using var transaction = connection.BeginTransaction();
            var session = new SqlSession(connection, transaction);
            foreach (var job in batch)
            {
                transaction.Save("job");
                try
                {
                    job.Run(session);
                    transaction.Release("job");
                    done.Add(job);
                }
                catch (Exception failure)
                {
                    failed.Add(job);
                    job.Failed(Explained(failure));
                    transaction.Rollback("job");
                }
            }

            transaction.Commit();
        }
        catch (Exception failure)
        {
            // begin, commit or a savepoint failed: nothing of the batch is stored, the next batch tries anew
            _log.LogError(failure, "Database write of {Jobs} jobs failed", batch.Count);
            foreach (var job in batch.Where(job => !failed.Contains(job)))
            {
                job.Failed(Explained(failure));
            }

            return;
        }

        foreach (var job in done)
        {
            job.Committed();
        }
    }

    private Exception Explained(Exception failure) => failure is DbException ? _dialect.Explain(failure) : failure;
}
