using System.Collections.Concurrent;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Whether a mount of zfs-fuse still has its daemon. A daemon that is frozen answers nothing at all and blocks whoever
/// asks, for good; so a thread of the pool asks, and one at most for each mount.
/// </summary>
internal sealed class MountProbe(TimeProvider time)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Task<bool>> _asking = new(StringComparer.Ordinal);

    public async Task<bool> IsAlive(string path, CancellationToken ct)
    {
        var answer = _asking.GetOrAdd(path, static p => Task.Run(() => Answers(p)));
        try
        {
            return await answer.WaitAsync(Limit, time, ct);
        }
        catch (TimeoutException frozen)
        {
            throw new StorageException(StorageFailure.PoolSuspended,
                $"{path} does not answer within {Limit.TotalSeconds:0} s: its ZFS daemon hangs, or the pool waits for a device. Look at 'zpool status'.",
                frozen);
        }
        finally
        {
            if (answer.IsCompleted)
            {
                _asking.TryRemove(KeyValuePair.Create(path, answer));
            }
        }
    }

    private static bool Answers(string path)
    {
        try
        {
            _ = System.IO.Directory.EnumerateFileSystemEntries(path).Any();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
