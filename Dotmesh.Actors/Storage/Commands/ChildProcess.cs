using System.Runtime.InteropServices;

namespace Dotmesh.Actors.Storage.Commands;

/// <summary>A started program: its pipes, its end, its progress. Exactly one caller awaits <see cref="Exit"/>.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan PollWithoutPidfd = TimeSpan.FromMilliseconds(5);

    private readonly Lock _lock = new();
    private readonly PollLoop _loop;
    private readonly TimeProvider _time;
    private readonly int _pidfd;
    private bool _reaped;

    private ChildProcess(int pid, PollLoop loop, TimeProvider time, PipeEnd? stdin, PipeEnd stdout, PipeEnd stderr)
    {
        (Pid, _loop, _time, Stdin, Stdout, Stderr) = (pid, loop, time, stdin, stdout, stderr);
        _pidfd = Native.OpenPid(pid);
    }

    public int Pid { get; }

    public PipeEnd? Stdin { get; }

    public PipeEnd Stdout { get; }

    public PipeEnd Stderr { get; }

    /// <summary>The process, or the error number of the attempt.</summary>
    public static (ChildProcess? Process, int Error) Start(
        Command command, NativeStrings environment, PollLoop loop, TimeProvider time)
    {
        var (outRead, outWrite) = Native.Pipe();
        var (errRead, errWrite) = Native.Pipe();
        var (inRead, inWrite) = command.Input is null ? (-1, -1) : Native.Pipe();
        if (command.IsStream)
        {
            Native.Enlarge(command.Input is null ? outRead : inWrite);
        }

        using var argv = new NativeStrings([command.FileName, .. command.Arguments]);
        var error = Native.Spawn(argv, environment, inRead, outWrite, errWrite, out var pid);
        _ = Native.close(outWrite);
        _ = Native.close(errWrite);
        if (inRead >= 0)
        {
            _ = Native.close(inRead);
        }

        var stdin = inWrite < 0 ? null : new PipeEnd(inWrite, loop);
        var (stdout, stderr) = (new PipeEnd(outRead, loop), new PipeEnd(errRead, loop));
        if (error == 0)
        {
            return (new ChildProcess(pid, loop, time, stdin, stdout, stderr), 0);
        }

        stdin?.Dispose();
        stdout.Dispose();
        stderr.Dispose();
        return (null, error);
    }

    /// <summary>The wait status: exit code, or the negative number of the signal that ended it.</summary>
    public async Task<int> Exit()
    {
        while (true)
        {
            if (TryReap(out var status))
            {
                return status;
            }

            if (_pidfd < 0 || !await _loop.Ready(_pidfd, Native.PollIn))
            {
                await Task.Delay(PollWithoutPidfd, _time);
            }
        }
    }

    /// <summary>Kills it and what it started (its process group).</summary>
    public void Kill()
    {
        lock (_lock)
        {
            // never after reaping: the number may be another process' by then
            if (!_reaped)
            {
                _ = Native.kill(-Pid, Native.SigKill);
            }
        }
    }

    /// <summary>Processor time and I/O of the process as text; equal texts: it did nothing in between.</summary>
    public string Progress()
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{Pid}/stat");
            // after the name (which may hold anything): state is field 0, utime and stime are fields 11 and 12
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return $"{fields[11]} {fields[12]} {File.ReadAllText($"/proc/{Pid}/io")}";
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public void Dispose()
    {
        Stdin?.Dispose();
        Stdout.Dispose();
        Stderr.Dispose();
        if (_pidfd >= 0)
        {
            _ = Native.close(_pidfd);
        }
    }

    private unsafe bool TryReap(out int status)
    {
        status = 0;
        lock (_lock)
        {
            int raw;
            var pid = Native.waitpid(Pid, &raw, Native.WNoHang);
            if (pid == 0 || (pid < 0 && Marshal.GetLastPInvokeError() == Native.EIntr))
            {
                return false;
            }

            _reaped = true;
            if (pid < 0)
            {
                throw Native.Failure("waitpid");
            }

            var signal = raw & 0x7f;
            status = signal == 0 ? (raw >> 8) & 0xff : -signal;
            return true;
        }
    }
}
