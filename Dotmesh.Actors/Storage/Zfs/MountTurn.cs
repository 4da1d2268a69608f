using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// One mount at a time. zfs-fuse serves every pool of a machine from one daemon, and two commands that mount or unmount at
/// once can leave that daemon deaf: every file in every pool then hangs until it is restarted. So such commands take
/// turns: within this process by a semaphore, between processes by a lock file beside the daemon's socket.
/// </summary>
internal sealed partial class MountTurn
{
    private const string DaemonFolder = "/var/run/zfs";
    private const int LockExclusive = 2;
    private const int Interrupted = 4;
    private const int ReadWrite = 2, Creates = 0x40, CloseOnExec = 0x80000, OwnerOnly = 0x180;

    private static readonly HashSet<string> Mounting =
        new(StringComparer.Ordinal) { "create", "clone", "mount", "unmount", "destroy", "rename", "promote", "rollback" };

    private static readonly SemaphoreSlim InProcess = new(1);

    private readonly string _file = Path.Combine(
        System.IO.Directory.Exists(DaemonFolder) ? DaemonFolder : Path.GetTempPath(), "dotmesh-mounts.lock");

    /// <summary>Does this command mount or unmount anything, or may it?</summary>
    public static bool Needs(IReadOnlyList<string> arguments) => arguments.Count > 0
        && (Mounting.Contains(arguments[0])
            || (arguments[0] == "set" && arguments.Any(a => a.StartsWith("mountpoint=", StringComparison.Ordinal))));

    /// <summary>Waits for the turn; disposing ends it. A process that dies lets go of it.</summary>
    public async Task<IDisposable> Take(CancellationToken ct)
    {
        await InProcess.WaitAsync(ct);
        try
        {
            // not File.OpenHandle: the runtime takes flock itself and refuses a file that somebody holds
            var file = open(_file, ReadWrite | Creates | CloseOnExec, OwnerOnly);
            if (file.IsInvalid)
            {
                throw Failure();
            }

            try
            {
                // blocks a pool thread, and one at most: whoever waits here holds the semaphore
                await Task.Run(() => Lock(file), ct);
                return new Turn(file);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch
        {
            InProcess.Release();
            throw;
        }
    }

    private static void Lock(SafeFileHandle file)
    {
        while (flock(file, LockExclusive) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted)
            {
                throw Failure();
            }
        }
    }

    private static StorageException Failure() => new(StorageFailure.Unexpected,
        $"The lock that keeps mounts apart cannot be taken: {Marshal.GetLastPInvokeErrorMessage()}.");

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);

    private sealed class Turn(SafeFileHandle file) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            InProcess.Release();
        }
    }
}
