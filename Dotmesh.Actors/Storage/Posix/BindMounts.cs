using System.Text;

namespace Dotmesh.Actors.Storage.Posix;

/// <summary>
/// A folder mounted onto itself read-only: the one thing that stops root, too, from writing into it. Needs
/// CAP_SYS_ADMIN and a kernel that lets the process mount, which most containers do not.
/// </summary>
internal static unsafe class BindMounts
{
    // mount(2) and umount2(2)
    private const nuint Bind = 0x1000;
    private const nuint Remount = 0x20;
    private const nuint ReadOnlyFlag = 0x1;
    private const int Detach = 2;

    // statfs(2): offset of f_flags, and the flags that a remount has to repeat (nosuid, nodev, noexec, noatime, nodiratime)
    private const int FlagsAt = 80;
    private const ulong Kept = 0x2 | 0x4 | 0x8 | 0x400 | 0x800;
    private const ulong StatRelatime = 0x1000;
    private const nuint MountRelatime = 0x200000;

    /// <summary>True when the folder is a read-only mount now; false when this process may not make it one.</summary>
    internal static bool TryMakeReadOnly(string path)
    {
        if (IsReadOnly(path))
        {
            return true;
        }

        fixed (byte* p = Terminated(path))
        {
            if (Libc.mount(p, p, null, Bind, null) != 0)
            {
                return false;
            }

            // once more on top: others that this is propagated to do not hear of the flag of a mount that they have
            if (Libc.mount(null, p, null, Bind | Remount | ReadOnlyFlag | InheritedFlags(p), null) == 0 && Libc.mount(p, p, null, Bind, null) == 0)
            {
                return true;
            }

            _ = Libc.umount2(p, Detach);
            return false;
        }
    }

    /// <summary>Takes all mounts off the folder; who has files open there keeps them. Idempotent.</summary>
    internal static void Remove(string path)
    {
        fixed (byte* p = Terminated(path))
        {
            // EINVAL: no (further) mount; EPERM: this process cannot have made one
            while (Libc.umount2(p, Detach) == 0)
            {
            }
        }
    }

    private static bool IsReadOnly(string path)
    {
        var buffer = stackalloc byte[128];
        fixed (byte* p = Terminated(path))
        {
            return Libc.statfs(p, buffer) == 0 && (*(ulong*)(buffer + FlagsAt) & ReadOnlyFlag) != 0;
        }
    }

    private static nuint InheritedFlags(byte* path)
    {
        var buffer = stackalloc byte[128];
        if (Libc.statfs(path, buffer) != 0)
        {
            return 0;
        }

        var flags = *(ulong*)(buffer + FlagsAt);
        return (nuint)(flags & Kept) | ((flags & StatRelatime) != 0 ? MountRelatime : 0);
    }

    private static byte[] Terminated(string path) => [.. Encoding.UTF8.GetBytes(path), 0];
}
