using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Commits as folders to read, made when first asked for. Copies (shared blocks where the file system can): whoever gets
/// at a view cannot reach the commit's own objects.
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
        return mount;
    }

    internal static void Remove(PoolFolder pool, string id, string commit)
    {
        Mounting.Unlink(pool.MountOf(id, commit));
        PoolFiles.Remove($"{pool.Folder(id).Views}/{commit}");
    }

    internal static void RemoveAll(PoolFolder pool, string id)
    {
        foreach (var commit in PoolFiles.Names(pool.Folder(id).Views))
        {
            Mounting.Unlink(pool.MountOf(id, commit));
        }
    }

    private static void Make(FilesystemFolder folder, string view, CommitRecord commit, CancellationToken ct)
    {
        PoolFiles.MakeFolder(folder.Views);
        var building = $"{folder.Scratch}/view";
        var files = $"{folder.Scratch}/view-files";
        PoolFiles.RemoveTree(building, ct);
        PoolFiles.RemoveTree(files, ct);
        try
        {
            PoolFiles.MakeFolder(building);
            PoolFiles.MakeFolder(files, 0x1C0);
            using (var root = Handle.OpenDirectory(building))
            using (var scratch = Handle.OpenDirectory(files))
            using (var objects = new ObjectStore(folder.Objects, 1))
            {
                var (tree, _) = folder.ReadManifest(commit.Manifest);
                var empty = TreeScanner.Scan(root, null, lenient: false, ct);
                TreeRestore.Run(root, scratch, objects, empty, tree, writable: false, ct);
                root.SyncFilesystem(view);
            }

            // a folder without write permission cannot be moved by its owner: its parent entry would change
            PoolFiles.Rename(building, view);
        }
        finally
        {
            PoolFiles.RemoveTree(building, CancellationToken.None);
            PoolFiles.RemoveTree(files, CancellationToken.None);
        }
    }
}
