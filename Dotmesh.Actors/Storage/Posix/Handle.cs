using System.Buffers;
using System.Text;

namespace Dotmesh.Actors.Storage.Posix;

/// <summary>An open file or folder. All of the driver's system calls are here or in the other files of this folder.</summary>
internal sealed unsafe partial class Handle : IDisposable
{
    private int _fd;
    private bool _locked;

    private Handle(int fd) => _fd = fd;

    internal int Fd => _fd >= 0 ? _fd : throw new ObjectDisposedException(nameof(Handle));

    public void Dispose()
    {
        var fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
        {
            if (_locked)
            {
                // closing alone is not enough: a command that is being started holds a copy until it has exec'ed
                _ = Libc.flock(fd, Linux.Unlock);
            }

            _ = Libc.close(fd);
        }
    }

    /// <summary>Opens a path of the pool itself (not of a user's tree).</summary>
    internal static Handle Open(string path, int flags, uint mode = 0)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        return TryOpen(Linux.CurrentDirectory, bytes, flags, mode, out var handle) == 0
            ? handle
            : throw Errors.Failed("opening", path);
    }

    internal static Handle OpenDirectory(string path) => Open(path, Linux.ReadOnly | Linux.DirectoryOnly);

    /// <summary>Opens one name inside a folder; 0 or errno.</summary>
    internal static int TryOpen(int directory, ReadOnlySpan<byte> name, int flags, uint mode, out Handle handle)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        int fd;
        fixed (byte* p = path.Bytes)
        {
            do
            {
                fd = Libc.openat(directory, p, flags | Linux.CloseOnExec, mode);
            }
            while (fd < 0 && Errors.Last == Linux.EINTR);
        }

        handle = fd < 0 ? null! : new Handle(fd);
        return fd < 0 ? Errors.Last : 0;
    }

    internal static Handle Adopt(int fd) => new(fd);

    internal FileStat Stat()
    {
        Statx x;
        byte nul = 0;
        if (Libc.statx(Fd, &nul, Linux.EmptyPath, Linux.StatxBasic, &x) != 0)
        {
            throw Errors.Failed("reading", "an open file");
        }

        return FileStat.From(in x);
    }

    /// <summary>Stat of a name without following a link; 0 or errno.</summary>
    internal int TryStat(ReadOnlySpan<byte> name, out FileStat stat)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        fixed (byte* p = path.Bytes)
        {
            Statx x;
            if (Libc.statx(Fd, p, Linux.SymlinkNoFollow, Linux.StatxBasic, &x) != 0)
            {
                stat = default;
                return Errors.Last;
            }

            stat = FileStat.From(in x);
            return 0;
        }
    }

    internal int Read(Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            while (true)
            {
                var got = Libc.read(Fd, p, (nuint)buffer.Length);
                if (got >= 0)
                {
                    return (int)got;
                }

                if (Errors.Last != Linux.EINTR)
                {
                    throw Errors.Failed("reading", "a file");
                }
            }
        }
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    internal int ReadFully(Span<byte> buffer)
    {
        var filled = 0;
        while (filled < buffer.Length)
        {
            var got = Read(buffer[filled..]);
            if (got == 0)
            {
                break;
            }

            filled += got;
        }

        return filled;
    }

    internal void Write(ReadOnlySpan<byte> data, string path)
    {
        while (!data.IsEmpty)
        {
            nint written;
            fixed (byte* p = data)
            {
                written = Libc.write(Fd, p, (nuint)data.Length);
            }

            if (written < 0 && Errors.Last != Linux.EINTR)
            {
                throw Errors.Failed("writing", path);
            }

            data = data[(int)Math.Max(0, written)..];
        }
    }

    internal long Seek(long offset, int whence) => Libc.lseek(Fd, offset, whence);

    internal void Truncate(long length, string path)
    {
        if (Libc.ftruncate(Fd, length) != 0)
        {
            throw Errors.Failed("resizing", path);
        }
    }

    /// <summary>Takes blocks for so many bytes; file systems that cannot are left as they are.</summary>
    internal void Allocate(long length, string path)
    {
        while (Libc.fallocate(Fd, 0, 0, length) != 0)
        {
            switch (Errors.Last)
            {
                case Linux.EINTR:
                    continue;
                case Linux.EOPNOTSUPP or Linux.ENOSYS:
                    return;
                default:
                    throw Errors.Failed("taking space for", path);
            }
        }
    }

    internal void Sync(string path)
    {
        if (Libc.fsync(Fd) != 0)
        {
            throw Errors.Failed("flushing", path);
        }
    }

    internal void SyncFilesystem(string path)
    {
        if (Libc.syncfs(Fd) != 0)
        {
            throw Errors.Failed("flushing", path);
        }
    }

    /// <summary>Takes the file's lock if nobody has it; disposing or the end of this process lets it go.</summary>
    internal bool TryLock() =>
        _locked = Libc.flock(Fd, Linux.LockExclusive | Linux.LockNonBlocking) == 0;

    /// <summary>Blocks its thread until the file's lock is taken; disposing lets it go.</summary>
    internal void Lock(string path)
    {
        while (Libc.flock(Fd, Linux.LockExclusive) != 0)
        {
            if (Errors.Last != Linux.EINTR)
            {
                throw Errors.Failed("locking", path);
            }
        }

        _locked = true;
    }
}

/// <summary>A name with its terminating zero, on the stack where it is short.</summary>
internal readonly ref struct CPath
{
    internal const int StackSize = 264;

    private readonly byte[]? _rented;

    internal CPath(ReadOnlySpan<byte> name, Span<byte> stack)
    {
        var buffer = stack;
        if (name.Length >= stack.Length)
        {
            _rented = ArrayPool<byte>.Shared.Rent(name.Length + 1);
            buffer = _rented;
        }

        name.CopyTo(buffer);
        buffer[name.Length] = 0;
        Bytes = buffer;
    }

    internal ReadOnlySpan<byte> Bytes { get; }

    public void Dispose()
    {
        if (_rented is not null)
        {
            ArrayPool<byte>.Shared.Return(_rented);
        }
    }
}
