using System.Buffers;

namespace Dotmesh.Actors.Storage.Posix;

/// <summary>Copies contents without reading large files into memory: shared blocks where possible, holes stay holes.</summary>
internal static unsafe class FileCopy
{
    private const int SmallFile = 64 * 1024;
    private const long Slice = 64L << 20;

    /// <summary>
    /// Copies the first <paramref name="stat"/>.Size bytes into an empty file; answers the size the copy got, which is less
    /// when the source was cut meanwhile.
    /// </summary>
    internal static long Copy(Handle from, FileStat stat, Handle to, string path, CancellationToken ct)
    {
        if (stat.Size == 0)
        {
            return 0;
        }

        if (stat.Size <= SmallFile && stat.Allocated == stat.Size)
        {
            return CopySmall(from, (int)stat.Size, to, path);
        }

        if (Libc.ioctl(to.Fd, Linux.CloneFile, from.Fd) == 0)
        {
            return to.Stat().Size;
        }

        return Errors.Last is Linux.ENOSPC or Linux.EDQUOT
            ? throw Errors.Failed("copying", path)
            : CopyExtents(from, stat.Size, to, path, ct);
    }

    /// <summary>The parts of a file that hold data, in order; everything between them is a hole.</summary>
    internal static IEnumerable<(long Offset, long Length)> Extents(Handle file, long size)
    {
        long position = 0;
        while (position < size)
        {
            var data = file.Seek(position, Linux.SeekData);
            if (data < 0)
            {
                // ENXIO: only a hole is left. Anything else: this file system does not know holes, all is data
                if (Errors.Last != Linux.ENXIO)
                {
                    yield return (position, size - position);
                }

                yield break;
            }

            if (data >= size)
            {
                yield break;
            }

            var hole = file.Seek(data, Linux.SeekHole);
            var end = hole < 0 ? size : Math.Min(hole, size);
            yield return (data, end - data);
            position = end;
        }
    }

    /// <summary>Whether two files of the same size hold the same bytes.</summary>
    internal static bool SameContent(Handle a, Handle b, CancellationToken ct)
    {
        var left = ArrayPool<byte>.Shared.Rent(256 * 1024);
        var right = ArrayPool<byte>.Shared.Rent(256 * 1024);
        try
        {
            while (true)
            {
                ct.ThrowIfCancellationRequested();
                var length = Math.Min(left.Length, right.Length);
                var got = a.ReadFully(left.AsSpan(0, length));
                if (b.ReadFully(right.AsSpan(0, length)) != got
                    || !left.AsSpan(0, got).SequenceEqual(right.AsSpan(0, got)))
                {
                    return false;
                }

                if (got < length)
                {
                    return true;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(left);
            ArrayPool<byte>.Shared.Return(right);
        }
    }

    private static long CopySmall(Handle from, int size, Handle to, string path)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var got = from.ReadFully(buffer.AsSpan(0, size));
            to.Write(buffer.AsSpan(0, got), path);
            return got;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static long CopyExtents(Handle from, long size, Handle to, string path, CancellationToken ct)
    {
        long end = 0;
        var cut = false;
        foreach (var (offset, length) in Extents(from, size))
        {
            var copied = CopyRange(from, offset, length, to, path, ct);
            end = offset + copied;
            if (copied < length)
            {
                cut = true;
                break;
            }
        }

        var copiedSize = cut ? end : size;
        to.Truncate(copiedSize, path);
        return copiedSize;
    }

    private static long CopyRange(
        Handle from, long offset, long length, Handle to, string path, CancellationToken ct)
    {
        var source = offset;
        var target = offset;
        while (source < offset + length)
        {
            ct.ThrowIfCancellationRequested();
            var wanted = (nuint)Math.Min(Slice, offset + length - source);
            var moved = Libc.copy_file_range(from.Fd, &source, to.Fd, &target, wanted, 0);
            if (moved == 0)
            {
                break;
            }

            if (moved < 0)
            {
                switch (Errors.Last)
                {
                    case Linux.EINTR:
                        continue;
                    case Linux.EXDEV or Linux.EINVAL or Linux.ENOSYS or Linux.EOPNOTSUPP or Linux.EPERM:
                        return source - offset
                            + CopyByHand(from, source, offset + length - source, to, path, ct);
                    default:
                        throw Errors.Failed("copying", path);
                }
            }
        }

        return source - offset;
    }

    private static long CopyByHand(
        Handle from, long offset, long length, Handle to, string path, CancellationToken ct)
    {
        from.Seek(offset, Linux.SeekSet);
        to.Seek(offset, Linux.SeekSet);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        try
        {
            long done = 0;
            while (done < length)
            {
                ct.ThrowIfCancellationRequested();
                var got = from.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - done)));
                if (got == 0)
                {
                    break;
                }

                to.Write(buffer.AsSpan(0, got), path);
                done += got;
            }

            return done;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
