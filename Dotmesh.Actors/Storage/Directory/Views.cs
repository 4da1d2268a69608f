using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Commits as folders to read, made when first asked for. Copies (shared blocks where the file system can): whoever gets
/// at a view cannot reach the commit's own objects. Nothing in a view has write bits, and where this process may mount, the
/// view is a read-only mount, which stops root too. Its link below the mount prefix is made first and removed last: it
/// names the mount for whoever cleans up. Views are mounted for as long as the node runs.
/// </summary>
internal static class Views
{
    internal static string Mount(PoolFolder pool, string id, CommitRecord commit, CancellationToken ct)
    {
        var folder = pool.Folder(id);
        var view = $"{folder.Views}/{commit.Id}";
        var mount = pool.MountOf(id, commit.Id);
        if (!PoolFiles.Exists(view))
        {
            Make(folder, view, commit, ct);
        }

        Mounting.Link(mount, view);
        if (pool.MountsReadOnly)
        {
            BindMounts.TryMakeReadOnly(view);
        }

        return mount;
    }

    /// <summary>Whether a view can be made read-only for root.</summary>
    internal static bool CanMountReadOnly(string temporary)
    {
        var probe = $"{temporary}/probe";
        BindMounts.Remove(probe);
        PoolFiles.MakeFolder(probe);
        try
        {
            return BindMounts.TryMakeReadOnly(probe);
        }
        finally
        {
            BindMounts.Remove(probe);
            PoolFiles.Remove(probe);
        }
    }

    internal static void Remove(PoolFolder pool, string id, string commit)
    {
        Unmount(pool, id, commit);
        PoolFiles.Remove($"{pool.Folder(id).Views}/{commit}");
    }

    internal static void UnmountAll(PoolFolder pool, string id)
    {
        foreach (var commit in PoolFiles.Names(pool.Folder(id).Views))
        {
            Unmount(pool, id, commit);
        }
    }

    /// <summary>Those of all filesystems: when the node stops, and when it starts after it was killed.</summary>
    internal static void UnmountAll(PoolFolder pool)
    {
        foreach (var name in PoolFiles.Names(pool.Mounts))
        {
            if (name.Split('@') is [var id, var commit])
            {
                Unmount(pool, id, commit);
            }
        }
    }

    private static void Unmount(PoolFolder pool, string id, string commit)
    {
        BindMounts.Remove($"{pool.Folder(id).Views}/{commit}");
        Mounting.Unlink(pool.MountOf(id, commit));
    }

    private static void Make(FilesystemFolder folder, string view, CommitRecord commit, CancellationToken ct)
    {
        PoolFiles.MakeFolder(folder.Views);
        // beside its place: a folder without write permission cannot be moved to another parent by its owner
        var building = $"{folder.Views}/.building";
        var files = $"{folder.Scratch}/view-files";
        PoolFiles.RemoveTree(building, ct);
        PoolFiles.RemoveTree(files, ct);
        try
        {
            PoolFiles.MakeFolder(building);
            PoolFiles.MakeFolder(files, 0x1C0);
            using (var root = Handle.OpenDirectory(building))
            using (var objects = new ObjectStore(folder.Objects, 1))
            {
                var tree = folder.Manifests.Read(commit.Manifest).Tree;
                var empty = TreeScanner.Scan(root, null, lenient: false, ct);
                using var restore = TreeRestore.Stage(root, files, objects, empty, tree, writable: false, ct);
                restore.Apply(ct);
                root.SyncFilesystem(view);
            }

            PoolFiles.Rename(building, view);
        }
        finally
        {
            PoolFiles.RemoveTree(building, CancellationToken.None);
            PoolFiles.RemoveTree(files, CancellationToken.None);
        }
    }
}
