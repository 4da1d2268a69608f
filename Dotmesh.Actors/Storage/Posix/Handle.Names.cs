namespace Dotmesh.Actors.Storage.Posix;

/// <summary>What changes names inside an open folder. Each answers 0 or errno.</summary>
internal sealed unsafe partial class Handle
{
    internal int MakeDirectory(ReadOnlySpan<byte> name, uint mode)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        fixed (byte* p = path.Bytes)
        {
            return Libc.mkdirat(Fd, p, mode) == 0 ? 0 : Errors.Last;
        }
    }

    internal int MakeNode(ReadOnlySpan<byte> name, uint mode, ulong device)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        fixed (byte* p = path.Bytes)
        {
            return Libc.mknodat(Fd, p, mode, device) == 0 ? 0 : Errors.Last;
        }
    }

    internal int MakeSymlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        using var to = new CPath(target, stackalloc byte[CPath.StackSize]);
        fixed (byte* p = path.Bytes)
        fixed (byte* t = to.Bytes)
        {
            return Libc.symlinkat(t, Fd, p) == 0 ? 0 : Errors.Last;
        }
    }

    internal int Unlink(ReadOnlySpan<byte> name, bool directory = false)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        fixed (byte* p = path.Bytes)
        {
            return Libc.unlinkat(Fd, p, directory ? Linux.RemoveDirectory : 0) == 0 ? 0 : Errors.Last;
        }
    }

    internal int Link(ReadOnlySpan<byte> name, Handle toDirectory, ReadOnlySpan<byte> toName)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        using var to = new CPath(toName, stackalloc byte[CPath.StackSize]);
        fixed (byte* p = path.Bytes)
        fixed (byte* t = to.Bytes)
        {
            return Libc.linkat(Fd, p, toDirectory.Fd, t, 0) == 0 ? 0 : Errors.Last;
        }
    }

    internal int Rename(ReadOnlySpan<byte> name, Handle toDirectory, ReadOnlySpan<byte> toName)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        using var to = new CPath(toName, stackalloc byte[CPath.StackSize]);
        fixed (byte* p = path.Bytes)
        fixed (byte* t = to.Bytes)
        {
            return Libc.renameat(Fd, p, toDirectory.Fd, t) == 0 ? 0 : Errors.Last;
        }
    }

    /// <summary>Mode of a name that is not a link (links have none).</summary>
    internal int ChangeMode(ReadOnlySpan<byte> name, uint mode)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        fixed (byte* p = path.Bytes)
        {
            return Libc.fchmodat(Fd, p, mode, 0) == 0 ? 0 : Errors.Last;
        }
    }

    internal int ChangeMode(uint mode) => Libc.fchmod(Fd, mode) == 0 ? 0 : Errors.Last;

    /// <summary>Owner of a name, or of this file itself when the name is empty; links are not followed.</summary>
    internal int ChangeOwner(ReadOnlySpan<byte> name, uint uid, uint gid)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        var flags = Linux.SymlinkNoFollow | (name.IsEmpty ? Linux.EmptyPath : 0);
        fixed (byte* p = path.Bytes)
        {
            return Libc.fchownat(Fd, p, uid, gid, flags) == 0 ? 0 : Errors.Last;
        }
    }

    /// <summary>Modification time of a name, or of this file itself when the name is empty; links are not followed.</summary>
    internal int ChangeModified(ReadOnlySpan<byte> name, long nanoseconds)
    {
        const long omit = (1L << 30) - 2; // UTIME_OMIT
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        var times = stackalloc Timespec[2];
        times[0] = new Timespec { Nanoseconds = omit };
        var seconds = (long)Math.Floor(nanoseconds / 1_000_000_000m);
        times[1] = new Timespec { Seconds = seconds, Nanoseconds = nanoseconds - (seconds * 1_000_000_000) };
        fixed (byte* p = path.Bytes)
        {
            var result = name.IsEmpty
                ? Libc.futimens(Fd, times)
                : Libc.utimensat(Fd, p, times, Linux.SymlinkNoFollow);
            return result == 0 ? 0 : Errors.Last;
        }
    }

    /// <summary>Target of a symbolic link as it stands, or null with errno.</summary>
    internal byte[]? ReadLink(ReadOnlySpan<byte> name, out int errno)
    {
        using var path = new CPath(name, stackalloc byte[CPath.StackSize]);
        Span<byte> buffer = stackalloc byte[4097];
        fixed (byte* p = path.Bytes)
        fixed (byte* b = buffer)
        {
            var length = Libc.readlinkat(Fd, p, b, (nuint)buffer.Length);
            errno = length < 0 ? Errors.Last : 0;
            return length < 0 ? null : buffer[..(int)length].ToArray();
        }
    }
}
