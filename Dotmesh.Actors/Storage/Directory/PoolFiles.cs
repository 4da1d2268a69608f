using System.Text;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Small files and folders of the pool itself: read whole, written whole and durably.</summary>
internal static class PoolFiles
{
    /// <summary>Null when it is missing.</summary>
    internal static byte[]? TryRead(string path, int most = int.MaxValue)
    {
        var errno = Handle.TryOpen(Linux.CurrentDirectory, Bytes(path), Linux.ReadOnly, 0, out var file);
        if (errno is Linux.ENOENT or Linux.ENOTDIR)
        {
            return null;
        }

        if (errno != 0)
        {
            throw Errors.Failed(errno, "reading", path);
        }

        using (file)
        {
            var bytes = new byte[Math.Min(file.Stat().Size, most)];
            var got = file.ReadFully(bytes);
            return got == bytes.Length ? bytes : bytes[..got];
        }
    }

    /// <summary>The file has the old content or all of the new, whatever happens.</summary>
    internal static void Replace(string path, ReadOnlySpan<byte> content, bool durable = true)
    {
        var temporary = path + ".tmp";
        try
        {
            Write(temporary, content, durable);
            Rename(temporary, path);
        }
        catch (StorageException)
        {
            Remove(temporary);
            throw;
        }

        if (durable)
        {
            SyncFolder(Path.GetDirectoryName(path)!);
        }
    }

    internal static void Write(string path, ReadOnlySpan<byte> content, bool durable)
    {
        using var file = Handle.Open(path, Linux.WriteOnly | Linux.Create | Linux.Truncate, 0x180);
        file.Write(content, path);
        if (durable)
        {
            file.Sync(path);
        }
    }

    internal static void SyncFolder(string path)
    {
        using var folder = Handle.OpenDirectory(path);
        folder.Sync(path);
    }

    internal static void MakeFolder(string path, uint mode = 0x1ED)
    {
        using var parent = Handle.OpenDirectory(Path.GetDirectoryName(path)!);
        var errno = parent.MakeDirectory(Bytes(Path.GetFileName(path)), mode);
        if (errno is not (0 or Linux.EEXIST))
        {
            throw Errors.Failed(errno, "making", path);
        }
    }

    internal static void Rename(string from, string to)
    {
        using var source = Handle.OpenDirectory(Path.GetDirectoryName(from)!);
        using var target = Handle.OpenDirectory(Path.GetDirectoryName(to)!);
        var errno = source.Rename(Bytes(Path.GetFileName(from)), target, Bytes(Path.GetFileName(to)));
        if (errno != 0)
        {
            throw Errors.Failed(errno, "renaming", from);
        }
    }

    /// <summary>Removes a file or a whole folder; a missing one is done.</summary>
    internal static void Remove(string path) => RemoveTree(path, CancellationToken.None);

    /// <summary>The same for what may be large.</summary>
    internal static void RemoveTree(string path, CancellationToken ct)
    {
        var errno = Handle.TryOpen(
            Linux.CurrentDirectory,
            Bytes(Path.GetDirectoryName(path)!),
            Linux.ReadOnly | Linux.DirectoryOnly,
            0,
            out var parent);
        if (errno is Linux.ENOENT)
        {
            return;
        }

        if (errno != 0)
        {
            throw Errors.Failed(errno, "removing", path);
        }

        using (parent)
        {
            TreeRemoval.Remove(parent, Bytes(Path.GetFileName(path)), ct);
        }
    }

    internal static bool Exists(string path) => TryStat(path, out _);

    internal static bool TryStat(string path, out FileStat stat)
    {
        stat = default;
        var errno = Handle.TryOpen(
            Linux.CurrentDirectory, Bytes(Path.GetDirectoryName(path)!), Linux.PathOnly | Linux.DirectoryOnly, 0, out var parent);
        if (errno != 0)
        {
            return errno is Linux.ENOENT or Linux.ENOTDIR ? false : throw Errors.Failed(errno, "reading", path);
        }

        using (parent)
        {
            errno = parent.TryStat(Bytes(Path.GetFileName(path)), out stat);
            return errno switch
            {
                0 => true,
                Linux.ENOENT => false,
                _ => throw Errors.Failed(errno, "reading", path),
            };
        }
    }

    /// <summary>Names in a folder; none when it is missing.</summary>
    internal static List<string> Names(string path)
    {
        var errno = Handle.TryOpen(
            Linux.CurrentDirectory, Bytes(path), Linux.ReadOnly | Linux.DirectoryOnly, 0, out var folder);
        if (errno is Linux.ENOENT)
        {
            return [];
        }

        if (errno != 0)
        {
            throw Errors.Failed(errno, "listing", path);
        }

        using (folder)
        {
            return folder.ReadNames(() => path).ConvertAll(name => Encoding.UTF8.GetString(name));
        }
    }

    internal static byte[] Bytes(string path) => Encoding.UTF8.GetBytes(path);
}
