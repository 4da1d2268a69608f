using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>A live tree that is about to become a committed one: all that may fail for want of space is behind it.</summary>
internal sealed class LiveReset : IDisposable
{
    private readonly FilesystemFolder _folder;
    private readonly Handle _live;
    private readonly TreeRestore _restore;
    private readonly uint _checksum;

    private LiveReset(FilesystemFolder folder, Handle live, TreeRestore restore, uint checksum)
    {
        _folder = folder;
        _live = live;
        _restore = restore;
        _checksum = checksum;
    }

    /// <param name="folder">The filesystem.</param>
    /// <param name="known">The tree that its live tree is compared with.</param>
    /// <param name="target">The tree to become.</param>
    /// <param name="checksum">Of the target's manifest.</param>
    /// <param name="ct">Cancels between files.</param>
    internal static LiveReset Prepare(
        FilesystemFolder folder, TreeNode? known, TreeNode target, uint checksum, CancellationToken ct)
    {
        folder.EmptyScratch(ct);
        using var objects = new ObjectStore(folder.Objects, 1);
        var live = Handle.OpenDirectory(folder.Live);
        try
        {
            var current = TreeScanner.Scan(live, known, lenient: false, ct);
            var restore = TreeRestore.Stage(live, folder.Scratch, objects, current, target, writable: true, ct);
            return new LiveReset(folder, live, restore, checksum);
        }
        catch
        {
            live.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _restore.Dispose();
        _live.Dispose();
    }

    /// <summary>Not to be cancelled: half a tree is nothing that anybody wants. Durable once it returns.</summary>
    internal void Apply()
    {
        var tree = _restore.Apply(CancellationToken.None);
        _live.SyncFilesystem(_folder.Live);
        _folder.TryWriteIndex(tree, _checksum);
    }
}
