using System.Data;
using System.Data.Common;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Database;

/// <summary>
/// The writing connection, on its own thread: runs batches of jobs, repeats what the engine undid without fault of the
/// jobs, and connects again after the server was away. Not thread-safe.
/// </summary>
internal sealed class SqlWriter(
    SqlDialect dialect, RowChanges changes, IReadOnlyList<SchemaStep> steps, TimeProvider clock, ILogger log) : IDisposable
{
    private const int MaxTries = 4;

    private DbConnection? _connection;
    private bool _away;

    /// <summary>Connects and migrates.</summary>
    public void Open()
    {
        _connection = dialect.Connect();
        dialect.Prepare(_connection, () => SchemaMigration.Run(_connection, dialect, steps, clock, log));
    }

    /// <summary>Every job of the batch is answered.</summary>
    public void Run(IReadOnlyCollection<SqlJob> batch)
    {
        switch (Try(batch, out var failure))
        {
            case Outcome.Done:
                break;
            case Outcome.Undone when batch.Count == 1:
                Repeat(batch, failure!);
                break;
            case Outcome.Undone:
                // alone each of them holds fewer rows, and one that fails takes no other with it
                foreach (var job in batch)
                {
                    Repeat([job], failure!);
                }

                break;
            default:
                Fail(batch, failure!);
                break;
        }
    }

    public void Dispose()
    {
        _connection?.Dispose();
        dialect.Dispose();
    }

    private void Repeat(IReadOnlyCollection<SqlJob> job, Exception last)
    {
        for (var attempt = 2; attempt <= MaxTries; attempt++)
        {
            var outcome = Try(job, out var failure);
            if (outcome == Outcome.Done)
            {
                return;
            }

            last = failure!;
            if (outcome == Outcome.Failed)
            {
                break;
            }
        }

        Fail(job, last);
    }

    private Outcome Try(IReadOnlyCollection<SqlJob> batch, out Exception? failure)
    {
        failure = null;
        var committing = false;
        var lost = _connection is null;
        var failed = new List<(SqlJob Job, Exception Why)>();
        try
        {
            var connection = Connected();
            lost = false;
            using var transaction = connection.BeginTransaction();
            var done = RunJobs(batch, connection, transaction, failed);
            committing = true;
            transaction.Commit();
            failed.ForEach(refused => refused.Job.Failed(Explained(refused.Why)));
            done.ForEach(job => job.Committed());
            return Outcome.Done;
        }
        catch (Exception broken)
        {
            failure = broken;
            var away = _connection?.State != ConnectionState.Open;
            if (away)
            {
                _connection?.Dispose();
                _connection = null;
            }

            // once the commit is on its way nobody can say whether it arrived
            return (dialect.MayRepeat(broken) || (away && !lost)) && !committing ? Outcome.Undone : Outcome.Failed;
        }
    }

    private List<SqlJob> RunJobs(
        IReadOnlyCollection<SqlJob> batch, DbConnection connection, DbTransaction transaction, List<(SqlJob Job, Exception Why)> failed)
    {
        var done = new List<SqlJob>(batch.Count);
        foreach (var job in batch)
        {
            transaction.Save("job");
            try
            {
                job.Run(connection, transaction);
                transaction.Release("job");
                done.Add(job);
            }
            catch (Exception failure) when (connection.State == ConnectionState.Open && !dialect.MayRepeat(failure))
            {
                failed.Add((job, failure));
                transaction.Rollback("job");
            }
        }

        return done;
    }

    /// <summary>After an absence the caches are read anew: changes of other nodes were missed.</summary>
    private DbConnection Connected()
    {
        if (_connection is { State: ConnectionState.Open } open)
        {
            return open;
        }

        var connection = dialect.Connect();
        try
        {
            List<Action> updates;
            using (var transaction = connection.BeginTransaction())
            {
                updates = changes.ReadEverything(new SqlSession(connection, transaction));
                transaction.Commit();
            }

            SqlDatabase.Apply(updates);
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        log.LogWarning("Connected to the database {Database} again", dialect.Description);
        _connection = connection;
        _away = false;
        return connection;
    }

    private void Fail(IReadOnlyCollection<SqlJob> batch, Exception failure)
    {
        var explained = Explained(failure);
        if (explained == failure)
        {
            log.LogError(failure, "Database write of {Jobs} jobs failed", batch.Count);
        }
        else if (!_away)
        {
            log.LogError("Database write of {Jobs} jobs failed: {Why}", batch.Count, explained.Message);
        }

        // while it is away everybody who asks is told, and the log once
        _away = _connection is not { State: ConnectionState.Open };
        foreach (var job in batch)
        {
            job.Failed(explained);
        }
    }

    private Exception Explained(Exception failure) =>
        failure is DbException or TimeoutException or System.Net.Sockets.SocketException ? dialect.Explain(failure) : failure;

    private enum Outcome
    {
        Done,

        /// <summary>Nothing of it is stored and it may be tried again.</summary>
        Undone,

        Failed,
    }
}
