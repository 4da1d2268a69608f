using System.Buffers;
using System.Buffers.Binary;

namespace Dotmesh.Actors.Storage.Posix;

/// <summary>Walking below an open folder without ever leaving it.</summary>
internal sealed unsafe partial class Handle
{
    private const int LongestPath = 4000;

    // RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH
    private const ulong StayBeneath = 0x02 | 0x04 | 0x08;

    private static volatile bool s_openAt2Missing;

    /// <summary>
    /// Opens a folder below this one by its relative path, however long; the empty path is this folder. No component may
    /// be a symbolic link, so a concurrent writer cannot lead the walk out of the tree. 0 or errno.
    /// </summary>
    internal int TryOpenBeneath(ReadOnlySpan<byte> path, out Handle folder)
    {
        folder = null!;
        var errno = TryOpen(Fd, "."u8, Linux.ReadOnly | Linux.DirectoryOnly, 0, out var current);
        if (errno != 0 || path.IsEmpty)
        {
            folder = current;
            return errno;
        }

        while (!path.IsEmpty)
        {
            var cut = path.Length <= LongestPath ? path.Length : path[..LongestPath].LastIndexOf((byte)'/');
            errno = current.TryOpenPart(path[..cut], out var next);
            current.Dispose();
            if (errno != 0)
            {
                return errno;
            }

            current = next;
            path = cut == path.Length ? default : path[(cut + 1)..];
        }

        folder = current;
        return 0;
    }

    private int TryOpenPart(ReadOnlySpan<byte> path, out Handle folder)
    {
        if (!s_openAt2Missing)
        {
            using var name = new CPath(path, stackalloc byte[CPath.StackSize]);
            var how = stackalloc ulong[3];
            how[0] = (ulong)(uint)(Linux.ReadOnly | Linux.DirectoryOnly | Linux.NoFollow | Linux.CloseOnExec);
            how[1] = 0;
            how[2] = StayBeneath;
            fixed (byte* p = name.Bytes)
            {
                var fd = Libc.syscall(Linux.OpenAt2, Fd, (nint)p, (nint)how, 3 * sizeof(ulong));
                folder = fd < 0 ? null! : new Handle((int)fd);
                if (fd >= 0)
                {
                    return 0;
                }
            }

            // EPERM: a container's seccomp filter that does not know the call
            if (Errors.Last is not (Linux.ENOSYS or Linux.EPERM))
            {
                return Errors.Last;
            }

            s_openAt2Missing = true;
        }

        return TryOpenStepwise(path, out folder);
    }

    private int TryOpenStepwise(ReadOnlySpan<byte> path, out Handle folder)
    {
        folder = null!;
        var current = this;
        while (!path.IsEmpty)
        {
            var cut = path.IndexOf((byte)'/');
            var name = cut < 0 ? path : path[..cut];
            var errno = TryOpen(
                current.Fd, name, Linux.ReadOnly | Linux.DirectoryOnly | Linux.NoFollow, 0, out var next);
            if (current != this)
            {
                current.Dispose();
            }

            if (errno != 0)
            {
                return errno;
            }

            current = next;
            path = cut < 0 ? default : path[(cut + 1)..];
        }

        folder = current;
        return 0;
    }

    /// <summary>Names in this folder, unsorted, without <c>.</c> and <c>..</c>.</summary>
    internal List<byte[]> ReadNames(Func<string> display)
    {
        var names = new List<byte[]>();
        var buffer = ArrayPool<byte>.Shared.Rent(32768);
        try
        {
            fixed (byte* p = buffer)
            {
                while (true)
                {
                    var got = Libc.syscall(Linux.GetDirectoryEntries, Fd, (nint)p, buffer.Length, 0);
                    if (got < 0 && Errors.Last == Linux.ENOENT)
                    {
                        return names; // removed while open
                    }

                    if (got < 0)
                    {
                        throw Errors.Failed("listing", display());
                    }

                    if (got == 0)
                    {
                        return names;
                    }

                    AddNames(buffer.AsSpan(0, (int)got), names);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, then the name with its zero
    private static void AddNames(ReadOnlySpan<byte> entries, List<byte[]> names)
    {
        while (!entries.IsEmpty)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(entries[16..]);
            var name = entries[19..length];
            name = name[..name.IndexOf((byte)0)];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
            {
                names.Add(name.ToArray());
            }

            entries = entries[length..];
        }
    }
}
