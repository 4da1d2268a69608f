using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// One mount at a time. zfs-fuse serves every pool of a machine from one daemon, and two commands that mount or unmount at
/// once can leave that daemon deaf: every file in every pool then hangs until it is restarted. So such commands take
/// turns: within this process by a semaphore, between processes by a lock file beside the daemon's socket.
/// </summary>
internal sealed class MountTurn
{
    private const string DaemonFolder = "/var/run/zfs";
    private const uint OwnerOnly = 0x180;

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
            var file = Handle.Open(_file, Linux.ReadWrite | Linux.Create, OwnerOnly);
            try
            {
                // blocks a pool thread, and one at most: whoever waits here holds the semaphore
                await Task.Run(() => file.Lock(_file), ct);
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

    private sealed class Turn(Handle file) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            InProcess.Release();
        }
    }
}
