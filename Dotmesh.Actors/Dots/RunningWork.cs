namespace Dotmesh.Actors.Dots;

/// <summary>
/// Counts the storage operations that run for each dot. A dot actor that stops (its journal failed) leaves operations
/// behind; its successor must not work on the same filesystems before they have ended.
/// </summary>
internal sealed class RunningWork
{
    private readonly Lock _lock = new();
    private readonly Dictionary<FilesystemId, (int Count, TaskCompletionSource Quiet)> _running = [];

    public IDisposable Enter(FilesystemId dot)
    {
        lock (_lock)
        {
            var (count, quiet) = _running.GetValueOrDefault(dot);
            _running[dot] = (count + 1, quiet ?? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        return new Leave(this, dot);
    }

    /// <summary>Enters when nothing runs for the dot: of several that wait so, one goes after the other.</summary>
    public async Task<IDisposable> EnterAlone(FilesystemId dot, CancellationToken ct)
    {
        while (true)
        {
            Task quiet;
            lock (_lock)
            {
                if (!_running.TryGetValue(dot, out var running))
                {
                    return Enter(dot);
                }

                quiet = running.Quiet.Task;
            }

            await quiet.WaitAsync(ct);
        }
    }

    /// <summary>Done when nothing runs for the dot.</summary>
    public Task Quiet(FilesystemId dot)
    {
        lock (_lock)
        {
            return _running.TryGetValue(dot, out var running) ? running.Quiet.Task : Task.CompletedTask;
        }
    }

    private void Exit(FilesystemId dot)
    {
        lock (_lock)
        {
            var (count, quiet) = _running[dot];
            if (count > 1)
            {
                _running[dot] = (count - 1, quiet);
                return;
            }

            _running.Remove(dot);
            quiet.TrySetResult();
        }
    }

    private sealed class Leave(RunningWork work, FilesystemId dot) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
            {
                work.Exit(dot);
            }
        }
    }
}
