using System.Runtime.InteropServices;

namespace Dotmesh.Actors.Storage.Commands;

/// <summary>One thread that waits for all descriptors of all commands, so that no pool thread ever blocks on one.</summary>
internal sealed unsafe class PollLoop : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Wait> _new = [];
    private readonly List<int> _forgotten = [];
    private readonly List<Wait> _waits = [];
    private readonly int _wake;
    private readonly Thread _thread;
    private bool _stopping;

    public PollLoop()
    {
        _wake = Native.eventfd(0, Native.OCloExec | Native.ONonBlock);
        if (_wake < 0)
        {
            throw Native.Failure("eventfd");
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "commands" };
        _thread.Start();
    }

    private sealed record Wait(int Fd, short Events, TaskCompletionSource<bool> Done);

    /// <summary>True when the descriptor is ready (or at its end); false when it was forgotten meanwhile.</summary>
    public Task<bool> Ready(int fd, short events)
    {
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_stopping)
            {
                return Task.FromResult(false);
            }

            _new.Add(new Wait(fd, events, done));
        }

        Wake();
        return done.Task;
    }

    /// <summary>Ends the waits for a descriptor. It may be closed when those have answered.</summary>
    public void Forget(int fd)
    {
        lock (_lock)
        {
            _forgotten.Add(fd);
        }

        Wake();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _stopping = true;
        }

        Wake();
        _thread.Join();
        _ = Native.close(_wake);
    }

    private void Wake()
    {
        var one = 1UL;
        // a full counter means that the loop is about to wake anyway
        _ = Native.write(_wake, (byte*)&one, sizeof(ulong));
    }

    private void Run()
    {
        var fds = new Native.PollFd[64];
        while (TakeOver())
        {
            if (fds.Length <= _waits.Count)
            {
                fds = new Native.PollFd[_waits.Count * 2];
            }

            fds[0] = new() { Fd = _wake, Events = Native.PollIn };
            for (var n = 0; n < _waits.Count; n++)
            {
                fds[n + 1] = new() { Fd = _waits[n].Fd, Events = _waits[n].Events };
            }

            fixed (Native.PollFd* first = fds)
            {
                if (Native.poll(first, (nuint)(_waits.Count + 1), -1) < 0)
                {
                    if (Marshal.GetLastPInvokeError() != Native.EIntr)
                    {
                        throw Native.Failure("poll");
                    }

                    continue;
                }
            }

            CompleteReady(fds);
        }

        foreach (var wait in _waits)
        {
            wait.Done.SetResult(false);
        }
    }

    /// <summary>Takes new waits in and forgotten ones out; false when the loop is to end.</summary>
    private bool TakeOver()
    {
        lock (_lock)
        {
            _waits.AddRange(_new);
            _new.Clear();
            foreach (var fd in _forgotten)
            {
                foreach (var wait in _waits.Where(w => w.Fd == fd))
                {
                    wait.Done.SetResult(false);
                }

                _waits.RemoveAll(w => w.Fd == fd);
            }

            _forgotten.Clear();
            return !_stopping;
        }
    }

    private void CompleteReady(Native.PollFd[] fds)
    {
        if (fds[0].Revents != 0)
        {
            ulong counter;
            _ = Native.read(_wake, (byte*)&counter, sizeof(ulong));
        }

        for (var n = _waits.Count - 1; n >= 0; n--)
        {
            if (fds[n + 1].Revents != 0)
            {
                _waits[n].Done.SetResult(true);
                _waits[n] = _waits[^1];
                _waits.RemoveAt(_waits.Count - 1);
            }
        }
    }
}
