using System.Runtime.InteropServices;

namespace Dotmesh.Actors.Storage.Commands;

/// <summary>Our end of a pipe to a command: non-blocking, awaited through the <see cref="PollLoop"/>.</summary>
internal class PipeEnd : IDisposable
{
    private readonly int _fd;
    private readonly PollLoop _loop;
    private volatile bool _draining;
    private int _closed;

    public PipeEnd(int fd, PollLoop loop)
    {
        _fd = fd;
        _loop = loop;
        Native.MakeNonBlocking(fd);
    }

    /// <summary>0 at the end, or when nothing is left after <see cref="StopWaiting"/>.</summary>
    public async ValueTask<int> Read(Memory<byte> buffer)
    {
        while (true)
        {
            // asked first: what the process wrote between a read that found nothing and its end would be lost
            var isOver = _draining;
            var count = TryRead(buffer.Span);
            if (count >= 0)
            {
                return count;
            }

            if (isOver)
            {
                return 0;
            }

            await _loop.Ready(_fd, Native.PollIn);
        }
    }

    /// <summary>False when the other end is gone.</summary>
    public async ValueTask<bool> Write(ReadOnlyMemory<byte> data)
    {
        while (data.Length > 0)
        {
            var count = TryWrite(data.Span);
            if (count == -Native.EPipe)
            {
                return false;
            }

            if (count >= 0)
            {
                data = data[count..];
            }
            else if (_draining)
            {
                return false;
            }
            else
            {
                // false may be meant for a descriptor of the same number that was closed a moment ago: try again
                await _loop.Ready(_fd, Native.PollOut);
            }
        }

        return true;
    }

    /// <summary>
    /// The process is gone: what it wrote is in the pipe, so reading goes on to the end of that and waits no more, even
    /// when something it started still holds the other end.
    /// </summary>
    public void StopWaiting()
    {
        _draining = true;
        _loop.Forget(_fd);
    }

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            _ = Native.close(_fd);
        }
    }

    /// <summary>-1: there is nothing now.</summary>
    protected virtual unsafe int TryRead(Span<byte> buffer)
    {
        fixed (byte* first = buffer)
        {
            while (true)
            {
                var count = Native.read(_fd, first, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                switch (Marshal.GetLastPInvokeError())
                {
                    case Native.EIntr: continue;
                    case Native.EAgain: return -1;
                    default: throw Native.Failure("read");
                }
            }
        }
    }

    private unsafe int TryWrite(ReadOnlySpan<byte> data)
    {
        fixed (byte* first = data)
        {
            while (true)
            {
                var count = Native.write(_fd, first, (nuint)data.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                switch (Marshal.GetLastPInvokeError())
                {
                    case Native.EIntr: continue;
                    case Native.EAgain: return -1;
                    case Native.EPipe: return -Native.EPipe;
                    default: throw Native.Failure("write");
                }
            }
        }
    }
}
