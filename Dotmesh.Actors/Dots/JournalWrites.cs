namespace Dotmesh.Actors.Dots;

/// <summary>
/// Events on their way into an actor's journal, with those who wait for them: the order is that of the journal. The actor owns it; not thread-safe.
/// </summary>
internal sealed class JournalWrites
{
    private readonly Queue<TaskCompletionSource> _waiting = new();

    public static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>For whoever asked for an event, outside the actor. Ends with the token when the actor ends without having said anything.</summary>
    public static async Task Done(TaskCompletionSource written, CancellationToken stopped)
    {
        try
        {
            await written.Task.WaitAsync(stopped);
        }
        catch (OperationCanceledException) when (written.Task.IsCompleted)
        {
            // the actor ended because of this event: why is the better answer
            await written.Task;
        }
    }

    public void Begin(TaskCompletionSource written) => _waiting.Enqueue(written);

    /// <summary>The oldest is written, and applied.</summary>
    public void Succeed() => _waiting.Dequeue().TrySetResult();

    /// <summary>The journal takes the oldest one never; the others may be written.</summary>
    public void Reject(Exception cause)
    {
        if (_waiting.TryDequeue(out var written))
        {
            written.TrySetException(new JournalException(cause.Message, false, cause));
        }
    }

    /// <summary>None of them will be written by this incarnation.</summary>
    public void Fail(JournalException why)
    {
        while (_waiting.TryDequeue(out var written))
        {
            written.TrySetException(why);
        }
    }
}
