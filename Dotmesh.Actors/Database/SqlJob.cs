using System.Data.Common;

namespace Dotmesh.Actors.Database;

/// <summary>One caller's piece of work in the writer's queue.</summary>
internal abstract class SqlJob
{
    /// <summary>False: the caller gave up before it began.</summary>
    public abstract bool Begin();

    /// <summary>May run again when the transaction was undone.</summary>
    public abstract void Run(DbConnection connection, DbTransaction transaction);

    /// <summary>After the commit, in commit order.</summary>
    public abstract void Committed();

    public abstract void Failed(Exception failure);
}

/// <summary>What a job answers, and the rows it wrote that other nodes have to read again.</summary>
internal sealed record SqlAnswer<T>(T Result, IReadOnlyList<RowChange> Changes);

internal sealed class SqlJob<T>(Func<SqlSession, T> work, Action<T>? committed, CancellationToken ct) : SqlJob
{
    private readonly TaskCompletionSource<SqlAnswer<T>> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SqlAnswer<T>? _result;

    public Task<SqlAnswer<T>> Answer => _answer.Task;

    public override bool Begin() => !ct.IsCancellationRequested || !_answer.TrySetCanceled(ct);

    public override void Run(DbConnection connection, DbTransaction transaction)
    {
        var session = new SqlSession(connection, transaction);
        _result = new SqlAnswer<T>(work(session), session.Changes);
    }

    public override void Committed()
    {
        try
        {
            committed?.Invoke(_result!.Result);
            _answer.TrySetResult(_result!);
        }
        catch (Exception bug)
        {
            // the writer's thread has to live; the caller gets the exception
            _answer.TrySetException(bug);
        }
    }

    public override void Failed(Exception failure) => _answer.TrySetException(failure);
}
