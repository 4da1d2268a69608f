namespace Dotmesh.Rpc.Peers;

/// <summary>Ends a push that stands still: each step of it has a limit, the whole has none.</summary>
internal sealed class PushWatch : IDisposable
{
    private readonly PeerLimits _limits;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _step;
    private readonly CancellationTokenSource _ends;
    private volatile string _expired;

    public PushWatch(PeerLimits limits, TimeProvider clock, CancellationToken caller)
    {
        (_limits, _caller) = (limits, caller);
        _expired = $"it did not begin within {limits.Ready.TotalSeconds:0.###} s";
        _step = new CancellationTokenSource(limits.Ready, clock);
        _ends = CancellationTokenSource.CreateLinkedTokenSource(_step.Token, caller);
    }

    /// <summary>Of the request: the caller's, or a step took too long.</summary>
    public CancellationToken Token => _ends.Token;

    /// <summary>Null: no step took too long, or the caller ended it before.</summary>
    public IOException? Expired => _step.IsCancellationRequested && !_caller.IsCancellationRequested ? new IOException(_expired) : null;

    /// <summary>Something went, or the body begins: the next byte is waited for.</summary>
    public void Producing() => Next($"there was no byte to send for {_limits.PushStall.TotalSeconds:0.###} s", _limits.PushStall);

    public void Writing() => Next($"no byte was taken for {_limits.PushStall.TotalSeconds:0.###} s", _limits.PushStall);

    /// <summary>The whole body went.</summary>
    public void Sent() => Next($"there was no answer within {_limits.PushAnswer.TotalSeconds:0.###} s after the last byte", _limits.PushAnswer);

    /// <summary>An answer has begun.</summary>
    public void Answering() => Next($"the answer did not end within {_limits.Call.TotalSeconds:0.###} s", _limits.Call);

    /// <summary>The connection has to be broken off now.</summary>
    public void BreakOff() => _ends.Cancel();

    public void Dispose()
    {
        _ends.Dispose();
        _step.Dispose();
    }

    private void Next(string otherwise, TimeSpan limit)
    {
        if (!_step.IsCancellationRequested)
        {
            _expired = otherwise;
            _step.CancelAfter(limit);
        }
    }
}
