using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>A mount is a symbolic link from the mount prefix into the pool: it survives restarts and costs nothing.</summary>
internal static class Mounting
{
    internal static void Link(string at, string target)
    {
        using var folder = Handle.OpenDirectory(Path.GetDirectoryName(at)!);
        var name = PoolFiles.Bytes(Path.GetFileName(at));
        var wanted = PoolFiles.Bytes(target);
        var errno = folder.MakeSymlink(name, wanted);
        if (errno == Linux.EEXIST)
        {
            if (folder.ReadLink(name, out _) is { } present && present.AsSpan().SequenceEqual(wanted))
            {
                return;
            }

            // made when the pool was somewhere else; never remove what is not a link
            errno = folder.ReadLink(name, out _) is null ? Linux.EEXIST : folder.Unlink(name);
            errno = errno == 0 ? folder.MakeSymlink(name, wanted) : errno;
        }

        if (errno != 0)
        {
            throw Errors.Failed(errno, "mounting at", at);
        }
    }

    internal static void Unlink(string at)
    {
        if (PoolFiles.TryStat(at, out var stat) && stat.Type == Linux.TypeLink)
        {
            PoolFiles.Remove(at);
        }
    }

    internal static bool IsMounted(string at) => PoolFiles.TryStat(at, out var stat) && stat.Type == Linux.TypeLink;
}
