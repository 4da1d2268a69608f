using Akka.Actor;
using Akka.Event;

namespace Dotmesh.Actors.Filesystems;

/// <summary>
/// Runs the storage operations of one filesystem, one at a time, in the order of arrival. A child of its dot; it holds no
/// data, so it may be made and ended at any time.
/// </summary>
internal sealed class FilesystemActor : ReceiveActor
{
    private readonly FilesystemId _id;
    private readonly FilesystemStates _states;
    private readonly TimeProvider _time;
    private readonly Queue<FilesystemProtocol.Run> _waiting = new();
    private bool _busy;

    public FilesystemActor(FilesystemId id, FilesystemStates states, TimeProvider time)
    {
        _id = id;
        _states = states;
        _time = time;
        Receive<FilesystemProtocol.Run>(run =>
        {
            _waiting.Enqueue(run);
            Next();
        });
        Receive<Ended>(ended =>
        {
            _busy = false;
            _states.End(_id, ended.StateBefore);
            Next();
        });
    }

    protected override void PostStop()
    {
        foreach (var run in _waiting)
        {
            run.Cancel();
        }

        base.PostStop();
    }

    private void Next()
    {
        while (!_busy && _waiting.TryDequeue(out var run))
        {
            if (run.Deadline is { } deadline && _time.GetUtcNow() >= deadline)
            {
                run.Expire();
                continue;
            }

            _busy = true;
            var before = _states.State(_id);
            _states.Begin(_id, run.Work);
            Context.GetLogger().Debug("filesystem {0}: {1}=>{2}", _id, before, run.Work);

            // off the mailbox's thread: a driver may do work before its first await
            _ = Task.Run(run.Body, CancellationToken.None).PipeTo(Self, success: () => new Ended(before), failure: _ => new Ended(before));
        }
    }

    private sealed record Ended(string StateBefore) : INoSerializationVerificationNeeded;
}

/// <summary>Between a dot and its filesystems; never leaves the node.</summary>
internal static class FilesystemProtocol
{
    /// <summary>From the dot: run this when it is its turn. The body answers by itself and does not throw.</summary>
    /// <param name="Work">Status text while it runs, contract 5.1.</param>
    /// <param name="Deadline">Not begun after it; null: always run.</param>
    /// <param name="Expire">Called instead of the body when the deadline has passed.</param>
    /// <param name="Cancel">Called instead of the body when the actor ends first.</param>
    public sealed record Run(
        string Work, DateTimeOffset? Deadline, Func<Task> Body, Action Expire, Action Cancel)
        : INoSerializationVerificationNeeded;
}
