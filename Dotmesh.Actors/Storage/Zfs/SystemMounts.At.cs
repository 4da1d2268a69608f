using System.Collections.Concurrent;
using System.Text;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// What is mounted at one path, without reading the whole table: with a mount for each filesystem that would make
/// every operation slower with each dot.
/// </summary>
internal static partial class SystemMounts
{
    private const int DoNotSync = 0x4000;
    private const uint WantMountId = 0x1000;
    private const ulong IsMountRoot = 0x2000;

    // a mount keeps its number and its source for as long as it is there
    private static readonly ConcurrentDictionary<string, (ulong Number, string Source)> Known = new(StringComparer.Ordinal);

    /// <summary>The source of the mount at a path; null when nothing is mounted right there.</summary>
    public static string? At(string path)
    {
        switch (MountNumber(path))
        {
            case null:
                Known.TryRemove(path, out _);
                return null;
            case { } number when Known.TryGetValue(path, out var known) && known.Number == number && number != 0:
                return known.Source;
            case { } number:
                var source = Read().GetValueOrDefault(path);
                if (source is not null)
                {
                    Known[path] = (number, source);
                }

                return source;
        }
    }

    /// <summary>
    /// Null: not a mount's root. Zero: only the table tells (a kernel before 5.8). The filesystem itself is not asked, so that a
    /// daemon that hangs holds nobody up.
    /// </summary>
    private static unsafe ulong? MountNumber(string path)
    {
        Statx found;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            if (Libc.statx(Linux.CurrentDirectory, name, Linux.SymlinkNoFollow | DoNotSync, WantMountId, &found) != 0)
            {
                return Errors.Last == ENoEnt ? null : 0;
            }
        }

        if ((found.AttributesMask & IsMountRoot) == 0 || (found.Mask & WantMountId) == 0)
        {
            return 0;
        }

        return (found.Attributes & IsMountRoot) == 0 ? null : found.MountNumber;
    }
}
