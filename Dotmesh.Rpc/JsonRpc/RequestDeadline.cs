namespace Dotmesh.Rpc.JsonRpc;

/// <summary>The places of the work in progress. A call that goes on after its answer keeps its place until it ends.</summary>
internal sealed class InFlight
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Answers how many there are now.</summary>
    public int Enter() => Interlocked.Increment(ref _count);

    public void Leave() => Interlocked.Decrement(ref _count);
}

/// <summary>The deadline of one HTTP request; its timer is made only when a handler asks for the token.</summary>
internal sealed class RequestDeadline(
    TimeSpan after, TimeProvider clock, InFlight inFlight, Action<Exception?> onLate) : IDisposable
{
    /// <summary>How much longer than the deadline a handler may take to notice it before it is answered for.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly long _start = clock.GetTimestamp();
    private CancellationTokenSource? _source;
    private bool _overstayed;

    public bool Passed => clock.GetElapsedTime(_start) >= after;

    public CancellationToken Token => (_source ??= new CancellationTokenSource(Left, clock)).Token;

    private TimeSpan Left => after - clock.GetElapsedTime(_start) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

    /// <summary>Answers for a handler that does not notice the deadline; the handler's own end is only logged.</summary>
    /// <exception cref="TimeoutException">The deadline and a little more have passed.</exception>
    public async Task<T> Bounded<T>(Task<T> running)
    {
        try
        {
            return await running.WaitAsync(Left + Grace, clock);
        }
        catch (TimeoutException) when (!running.IsCompleted)
        {
            _overstayed = true;
            inFlight.Enter();
            _ = running.ContinueWith(
                task =>
                {
                    inFlight.Leave();
                    onLate(task.Exception?.GetBaseException());
                },
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>Keeps the source of a handler that overstays: it holds the token still, and the timer has fired anyway.</summary>
    public void Dispose()
    {
        if (!_overstayed)
        {
            _source?.Dispose();
        }
    }
}
