using System.Net;

namespace Dotmesh.Rpc.Http;

/// <summary>
/// A few logins at a time for each address, the held-back answer of a failed one included: guessing many passwords at once is no
/// faster than one after the other. Addresses share a fixed number of queues, so that a flood of them takes no memory.
/// </summary>
internal sealed class LoginTurns : IDisposable
{
    public const int AtATime = 4;
    public const int MaxWaiting = 32;
    private const int Queues = 64;

    private readonly Queue[] _queues = [.. Enumerable.Range(0, Queues).Select(_ => new Queue())];

    /// <summary>Null: too many wait already. Disposing what is answered ends the turn.</summary>
    public async ValueTask<IDisposable?> Take(IPAddress address, CancellationToken gone)
    {
        var queue = _queues[(uint)address.GetHashCode() % Queues];
        if (Interlocked.Increment(ref queue.Waiting) > MaxWaiting)
        {
            Interlocked.Decrement(ref queue.Waiting);
            return null;
        }

        try
        {
            await queue.Turns.WaitAsync(gone);
        }
        finally
        {
            Interlocked.Decrement(ref queue.Waiting);
        }

        return new Turn(queue.Turns);
    }

    public void Dispose()
    {
        foreach (var queue in _queues)
        {
            queue.Dispose();
        }
    }

    private sealed class Queue : IDisposable
    {
        public readonly SemaphoreSlim Turns = new(AtATime);

        public int Waiting;

        public void Dispose() => Turns.Dispose();
    }

    private sealed class Turn(SemaphoreSlim turns) : IDisposable
    {
        public void Dispose() => turns.Release();
    }
}
