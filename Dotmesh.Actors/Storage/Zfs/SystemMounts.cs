using System.Runtime.InteropServices;
using System.Text;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>The mount table of this process and the system calls that change it.</summary>
internal static partial class SystemMounts
{
    public const ulong ReadOnly = 1, NoAtime = 1024;
    private const int EBusy = 16, EInval = 22, EPerm = 1, ENoEnt = 2;
    private const int Detach = 2;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mount(string source, string target, string type, ulong flags, string data);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int umount2(string target, int flags);

    /// <summary>Mount point -> what is mounted there; of several on one point the last, which hides the others.</summary>
    public static Dictionary<string, string> Read()
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines("/proc/self/mountinfo"))
        {
            var fields = line.Split(' ');
            var dash = Array.IndexOf(fields, "-");
            if (fields.Length > 4 && dash > 0 && dash + 2 < fields.Length)
            {
                result[Unescape(fields[4])] = Unescape(fields[dash + 2]);
            }
        }

        return result;
    }

    public static void MountZfs(string source, string target, ulong flags)
    {
        // the option names the path for the kernel's own mounts of .zfs/snapshot
        if (mount(source, target, "zfs", flags, $"mntpoint={target}") != 0)
        {
            throw Failure($"mount {source} at {target}");
        }
    }

    /// <summary>Idempotent: what is not mounted is done.</summary>
    public static void Unmount(string target, bool detach = false)
    {
        if (umount2(target, detach ? Detach : 0) != 0 && Marshal.GetLastPInvokeError() is not (EInval or ENoEnt))
        {
            throw Failure($"unmount {target}");
        }
    }

    private static StorageException Failure(string what)
    {
        var error = Marshal.GetLastPInvokeError();
        var failure = error switch
        {
            EBusy => StorageFailure.Busy,
            EPerm => StorageFailure.AccessDenied,
            ENoEnt => StorageFailure.NotFound,
            _ => StorageFailure.Unexpected,
        };
        return new StorageException(failure, $"Could not {what}: {Marshal.GetPInvokeErrorMessage(error)}.");
    }

    private static string Unescape(string field)
    {
        if (!field.Contains('\\'))
        {
            return field;
        }

        var text = new StringBuilder(field.Length);
        for (var n = 0; n < field.Length; n++)
        {
            if (field[n] == '\\' && n + 3 < field.Length)
            {
                text.Append((char)Convert.ToInt32(field.Substring(n + 1, 3), 8));
                n += 3;
            }
            else
            {
                text.Append(field[n]);
            }
        }

        return text.ToString();
    }
}
