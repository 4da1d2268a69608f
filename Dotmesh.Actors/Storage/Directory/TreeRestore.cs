using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Makes a tree on disk equal to a committed one by changing only what differs: folders keep their inodes (bind mounts and
/// open shells survive), files are replaced atomically. In two halves: what needs space is made aside first, and a failure
/// there has changed nothing; then names are moved. The second half is repeatable: cut off, all of it is simply run again.
/// </summary>
internal sealed class TreeRestore : IDisposable
{
    private const uint OwnerAll = 0x1C0;

    // a folder's first block
    private const long FolderBytes = 4096;

    private readonly Handle _root;
    private readonly RestoredEntries _entries;
    private readonly TreeNode _current;
    private readonly TreeNode _live;
    private readonly uint _modeMask;
    private readonly bool _isRoot = Libc.geteuid() == 0;
    private readonly List<(byte[] Path, TreeNode Target)> _folders = [];
    private readonly List<(byte[] Folder, TreeNode Node)> _namesOfLinked = [];
    private Ballast? _ballast;

    private TreeRestore(Handle root, RestoredEntries entries, TreeNode current, TreeNode live, uint modeMask)
    {
        _root = root;
        _entries = entries;
        _current = current;
        _live = live;
        _modeMask = modeMask;
    }

    /// <summary>The first half.</summary>
    /// <param name="root">Folder of the tree to change.</param>
    /// <param name="scratch">Path of an empty folder on the same file system for files in the making.</param>
    /// <param name="objects">Where the contents of the target are.</param>
    /// <param name="current">
    /// The tree as scanned just now; its nodes have objects where they are unchanged against the tree they came from.
    /// </param>
    /// <param name="target">The tree to make.</param>
    /// <param name="writable">False: without the write bits, as a view that is only to be read.</param>
    /// <param name="ct">Cancels between files.</param>
    internal static TreeRestore Stage(
        Handle root,
        string scratch,
        ObjectStore objects,
        TreeNode current,
        TreeNode target,
        bool writable,
        CancellationToken ct)
    {
        var mask = writable ? 0xFFFu : 0xFFFu & ~0x92u;
        var restore = new TreeRestore(
            root, new RestoredEntries(Handle.OpenDirectory(scratch), objects, mask), current, target.Copy(), mask);
        try
        {
            var folders = restore.Stage(ct);
            restore._ballast = folders == 0 ? null : Ballast.Hold(scratch, (folders + 1) * FolderBytes);
            return restore;
        }
        catch
        {
            restore.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _ballast?.Dispose();
        _entries.Dispose();
    }

    /// <summary>The second half; answers the target with nodes that know where they live.</summary>
    internal TreeNode Apply(CancellationToken ct)
    {
        _ballast?.Dispose();
        var pending = new Stack<(byte[] Path, TreeNode? Current, TreeNode Target)>();
        pending.Push(([], _current, _live));
        while (pending.TryPop(out var at))
        {
            var errno = _root.TryOpenBeneath(at.Path, out var folder);
            Restored.Require(errno, at.Path);
            using (folder)
            {
                RestoreFolder(at.Path, folder, at.Current, at.Target, ct);
            }

            foreach (var (was, wanted) in Trees.Pairs(at.Current?.Children ?? [], at.Target.Children))
            {
                if (wanted is { IsFolder: true })
                {
                    pending.Push((Trees.Join(at.Path, wanted.Name), was is { IsFolder: true } ? was : null, wanted));
                }
            }
        }

        SettleLinked();

        // children before parents: changing an entry changes its folder's times
        for (var i = _folders.Count - 1; i >= 0; i--)
        {
            Finish(_folders[i].Path, _folders[i].Target);
        }

        return _live;
    }

    /// <summary>Makes the entries that are not there yet and gives the tree to be its own nodes; answers how many folders are new.</summary>
    private long Stage(CancellationToken ct)
    {
        long newFolders = 0;
        var pending = new Stack<(byte[] Path, TreeNode? Current, TreeNode Target)>();
        pending.Push(([], _current, _live));
        while (pending.TryPop(out var at))
        {
            var children = (TreeNode[])at.Target.Children.Clone();
            var i = 0;
            foreach (var (was, wanted) in Trees.Pairs(at.Current?.Children ?? [], at.Target.Children))
            {
                if (wanted is null)
                {
                    continue;
                }

                ct.ThrowIfCancellationRequested();
                var node = children[i++] = wanted.Copy();
                if (node.IsFolder)
                {
                    var same = was is { IsFolder: true } ? was : null;
                    newFolders += same is null ? 1 : 0;
                    pending.Push((Trees.Join(at.Path, node.Name), same, node));
                }
                else if (was is null || !IsThere(was, node))
                {
                    _entries.Make(at.Path, node, ct);
                }
            }

            at.Target.Children = children;
        }

        return newFolders;
    }

    private void RestoreFolder(byte[] path, Handle folder, TreeNode? current, TreeNode target, CancellationToken ct)
    {
        _folders.Add((path, target));
        if (!_isRoot && (folder.Stat().Permissions & OwnerAll) != OwnerAll)
        {
            Restored.Require(folder.ChangeMode(OwnerAll), path);
        }

        foreach (var (was, wanted) in Trees.Pairs(current?.Children ?? [], target.Children))
        {
            ct.ThrowIfCancellationRequested();
            if (was is not null && (wanted is null || was.IsFolder != wanted.IsFolder))
            {
                TreeRemoval.Remove(folder, was.Name, ct);
            }

            if (wanted is { IsFolder: true })
            {
                RestoreSubfolder(path, folder, was, wanted);
            }
            else if (wanted is not null)
            {
                RestoreEntry(path, folder, was is { IsFolder: false } ? was : null, wanted);
            }
        }
    }

    private void RestoreSubfolder(byte[] path, Handle folder, TreeNode? was, TreeNode wanted)
    {
        if (was is not { IsFolder: true })
        {
            Restored.Require(folder.MakeDirectory(wanted.Name, OwnerAll), path, wanted);
        }
        else if (!_isRoot && (was.Permissions & OwnerAll) != OwnerAll)
        {
            Restored.Require(folder.ChangeMode(wanted.Name, OwnerAll), path, wanted);
        }
    }

    private void RestoreEntry(byte[] path, Handle folder, TreeNode? was, TreeNode node)
    {
        var made = _entries.Place(path, folder, node);
        Settle(folder, made ? null : was, node);
        if (node.LinkGroup != 0)
        {
            _namesOfLinked.Add((path, node));
        }
    }

    // making and removing a name of a file changes its times, so these files are looked at once all names are there
    private void SettleLinked()
    {
        foreach (var (path, node) in _namesOfLinked)
        {
            if (_root.TryOpenBeneath(path, out var folder) == 0)
            {
                using (folder)
                {
                    Settle(folder, null, node);
                }
            }
        }
    }

    /// <summary>Notes where an entry lives now; one that somebody wrote to meanwhile stays suspect.</summary>
    private static void Settle(Handle folder, TreeNode? untouched, TreeNode node)
    {
        if (folder.TryStat(node.Name, out var stat) != 0)
        {
            return;
        }

        var asExpected = stat.Type == node.Type && stat.Modified == node.Modified
            && (!node.IsFile || stat.Size == node.Size)
            && (untouched is null || (stat.Inode == untouched.Inode && stat.Changed == untouched.Changed));
        node.Inode = stat.Inode;
        node.Changed = asExpected ? stat.Changed : 0;
    }

    private bool IsThere(TreeNode was, TreeNode wanted) =>
        wanted.LinkGroup == 0
        && was.Mode == ((wanted.Mode & Linux.TypeMask) | (wanted.Permissions & _modeMask))
        && (!_isRoot || (was.Uid == wanted.Uid && was.Gid == wanted.Gid))
        && was.Modified == wanted.Modified && was.LinkGroup == 0 && was.Device == wanted.Device
        && Xattrs.Same(was.Xattrs, wanted.Xattrs)
        && wanted.Type switch
        {
            Linux.TypeRegular => was.ObjectId != 0 && was.ObjectId == wanted.ObjectId,
            Linux.TypeLink => was.Target is not null && was.Target.AsSpan().SequenceEqual(wanted.Target),
            _ => was.Changed != 0,
        };

    private void Finish(byte[] path, TreeNode target)
    {
        Restored.Require(_root.TryOpenBeneath(path, out var folder), path);
        using (folder)
        {
            Restored.RequireXattrs(Xattrs.Write(folder, target.Xattrs), path, target);
            var stat = folder.Stat();
            if (_isRoot && (stat.Uid != target.Uid || stat.Gid != target.Gid))
            {
                Restored.Require(folder.ChangeOwner(default, target.Uid, target.Gid), path, target);
                stat = folder.Stat();
            }

            var mode = target.Permissions & _modeMask;
            if (stat.Permissions != mode)
            {
                Restored.Require(folder.ChangeMode(mode), path);
            }

            if (stat.Modified != target.Modified)
            {
                Restored.Require(folder.ChangeModified(default, target.Modified), path);
            }

            stat = folder.Stat();
            target.Inode = stat.Inode;
            target.Changed = stat.Modified == target.Modified ? stat.Changed : 0;
        }
    }
}
