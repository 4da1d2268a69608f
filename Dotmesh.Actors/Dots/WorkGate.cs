namespace Dotmesh.Actors.Dots;

/// <summary>
/// Who may run now. Work on single filesystems runs side by side; work on the dot's structure runs alone; nobody overtakes
/// in the queue, and the queue has a limit. Not thread-safe: the actor owns it.
/// </summary>
internal sealed class WorkGate<TWork>(int limit, Func<TWork, bool> runsAlone)
    where TWork : class
{
    private readonly Queue<TWork> _waiting = new();
    private int _running;
    private bool _alone;

    public bool Idle => _running == 0 && _waiting.Count == 0;

    public int Waiting => _waiting.Count;

    public bool NothingRuns => _running == 0;

    /// <summary>False when the dot already has as much to do as it takes.</summary>
    public bool TryAdd(TWork work)
    {
        if (_waiting.Count + _running >= limit)
        {
            return false;
        }

        _waiting.Enqueue(work);
        return true;
    }

    /// <summary>The next that may run now; it counts as running until <see cref="Leave"/>.</summary>
    public TWork? Enter()
    {
        if (_alone || !_waiting.TryPeek(out var next) || (runsAlone(next) && _running > 0))
        {
            return null;
        }

        _alone = runsAlone(next);
        _running++;
        return _waiting.Dequeue();
    }

    public void Leave()
    {
        _running--;
        _alone = false;
    }

    public IReadOnlyList<TWork> DrainWaiting()
    {
        TWork[] drained = [.. _waiting];
        _waiting.Clear();
        return drained;
    }
}
