namespace Dotmesh.Actors.Database;

/// <summary>One caller's piece of work in the writer's queue.</summary>
internal abstract class SqlJob
{
    /// <summary>False: the caller gave up before it began.</summary>
    public abstract bool Begin();

    public abstract void Run(SqlSession session);

    /// <summary>After the commit, in commit order.</summary>
    public abstract void Committed();

    public abstract void Failed(Exception failure);
}

internal sealed class SqlJob<T>(Func<SqlSession, T> work, Action<T>? committed, CancellationToken ct) : SqlJob
{
    private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Answer => _answer.Task;

    public override bool Begin() => !ct.IsCancellationRequested || !_answer.TrySetCanceled(ct);

    public override void Run(SqlSession session) => _result = work(session);

    public override void Committed()
    {
        try
        {
            committed?.Invoke(_result!);
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
