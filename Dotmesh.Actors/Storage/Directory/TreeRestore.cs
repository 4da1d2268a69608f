using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Makes a tree on disk equal to a committed one by changing only what differs: folders keep their inodes (bind mounts and
/// open shells survive), files are replaced atomically. Repeatable: interrupted half-way, it is simply run again.
/// </summary>
internal sealed class TreeRestore
{
    private const uint OwnerAll = 0x1C0;

    private readonly Handle _root;
    private readonly Handle _scratch;
    private readonly ObjectStore _objects;
    private readonly uint _modeMask;
    private readonly CancellationToken _ct;
    private readonly bool _isRoot = Libc.geteuid() == 0;
    private readonly Dictionary<(ulong Group, ulong Object), byte[]> _linked = [];
    private readonly List<(byte[] Path, TreeNode Target)> _folders = [];
    private readonly List<(byte[] Folder, TreeNode Node)> _namesOfLinked = [];
    private int _counter;

    private TreeRestore(Handle root, Handle scratch, ObjectStore objects, uint modeMask, CancellationToken ct)
    {
        _root = root;
        _scratch = scratch;
        _objects = objects;
        _modeMask = modeMask;
        _ct = ct;
    }

    /// <param name="root">Folder of the tree to change.</param>
    /// <param name="scratch">A folder on the same file system for files in the making.</param>
    /// <param name="objects">Where the contents of the target are.</param>
    /// <param name="current">
    /// The tree as scanned just now; its nodes have objects where they are unchanged against the tree they came from.
    /// </param>
    /// <param name="target">The tree to make.</param>
    /// <param name="writable">False: without the write bits, as a view that is only to be read.</param>
    /// <param name="ct">Cancels between files.</param>
    /// <returns>The target with nodes that know where they live.</returns>
    internal static TreeNode Run(
        Handle root,
        Handle scratch,
        ObjectStore objects,
        TreeNode current,
        TreeNode target,
        bool writable,
        CancellationToken ct)
    {
        var mask = writable ? 0xFFFu : 0xFFFu & ~0x92u;
        var restore = new TreeRestore(root, scratch, objects, mask, ct);
        return restore.Run(current, target);
    }

    private TreeNode Run(TreeNode current, TreeNode target)
    {
        var live = target.Copy();
        var pending = new Stack<(byte[] Path, TreeNode? Current, TreeNode Target)>();
        pending.Push(([], current, live));
        while (pending.TryPop(out var at))
        {
            _ct.ThrowIfCancellationRequested();
            var errno = _root.TryOpenBeneath(at.Path, out var folder);
            if (errno != 0)
            {
                throw Errors.Failed(errno, "restoring", Errors.Display(at.Path));
            }

            using (folder)
            {
                RestoreFolder(at.Path, folder, at.Current, at.Target);
            }

            foreach (var (was, wanted) in Trees.Pairs(at.Current?.Children ?? [], at.Target.Children))
            {
                if (wanted is { IsFolder: true })
                {
                    pending.Push((Trees.Join(at.Path, wanted.Name), was is { IsFolder: true } ? was : null, wanted));
                }
            }
        }

        ReleaseLinks();

        // children before parents: changing an entry changes its folder's times
        for (var i = _folders.Count - 1; i >= 0; i--)
        {
            Finish(_folders[i].Path, _folders[i].Target);
        }

        return live;
    }

    // making and removing a name of a file changes its times, so these files are looked at once all names are there
    private void ReleaseLinks()
    {
        foreach (var kept in _linked.Values)
        {
            _scratch.Unlink(kept);
        }

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

    private void RestoreFolder(byte[] path, Handle folder, TreeNode? current, TreeNode target)
    {
        _folders.Add((path, target));
        if (!_isRoot && (folder.Stat().Permissions & OwnerAll) != OwnerAll)
        {
            Require(folder.ChangeMode(OwnerAll), path);
        }

        var children = (TreeNode[])target.Children.Clone();
        var i = 0;
        foreach (var (was, wanted) in Trees.Pairs(current?.Children ?? [], target.Children))
        {
            _ct.ThrowIfCancellationRequested();
            if (wanted is null)
            {
                TreeRemoval.Remove(folder, was!.Name, _ct);
                continue;
            }

            if (was is not null && (was.IsFolder != wanted.IsFolder))
            {
                TreeRemoval.Remove(folder, was.Name, _ct);
            }

            if (wanted.IsFolder)
            {
                if (was is not { IsFolder: true })
                {
                    Require(folder.MakeDirectory(wanted.Name, OwnerAll), path, wanted);
                }
                else if (!_isRoot && (was.Permissions & OwnerAll) != OwnerAll)
                {
                    Require(folder.ChangeMode(wanted.Name, OwnerAll), path, wanted);
                }

                children[i++] = wanted.Copy();
                continue;
            }

            children[i++] = RestoreEntry(path, folder, was is { IsFolder: false } ? was : null, wanted);
        }

        target.Children = children;
    }

    private TreeNode RestoreEntry(byte[] path, Handle folder, TreeNode? was, TreeNode wanted)
    {
        var key = (wanted.LinkGroup, wanted.ObjectId);
        byte[]? firstName = null;
        var another = wanted.LinkGroup != 0 && _linked.TryGetValue(key, out firstName);
        var isThere = was is not null && IsThere(was, wanted) && wanted.LinkGroup == 0;
        if (!isThere)
        {
            var name = another ? LinkScratch(firstName!) : MakeScratch(path, wanted);
            Require(_scratch.Rename(name, folder, wanted.Name), path, wanted);
            // renaming one name of a file onto another name of it does nothing, and the first name stays
            _scratch.Unlink(name);
        }

        if (wanted.LinkGroup != 0 && !another)
        {
            _linked[key] = KeepLink(path, folder, wanted);
        }

        var node = wanted.Copy();
        Settle(folder, isThere ? was : null, node);
        if (wanted.LinkGroup != 0)
        {
            _namesOfLinked.Add((path, node));
        }

        return node;
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
        was.Mode == ((wanted.Mode & Linux.TypeMask) | (wanted.Permissions & _modeMask))
        && (!_isRoot || (was.Uid == wanted.Uid && was.Gid == wanted.Gid))
        && was.Modified == wanted.Modified && was.LinkGroup == 0 && was.Device == wanted.Device
        && Xattrs.Same(was.Xattrs, wanted.Xattrs)
        && wanted.Type switch
        {
            Linux.TypeRegular => was.ObjectId != 0 && was.ObjectId == wanted.ObjectId,
            Linux.TypeLink => was.Target is not null && was.Target.AsSpan().SequenceEqual(wanted.Target),
            _ => was.Changed != 0,
        };

    private byte[] MakeScratch(byte[] path, TreeNode wanted)
    {
        var name = NextName();
        _scratch.Unlink(name);
        switch (wanted.Type)
        {
            case Linux.TypeRegular:
                MakeFile(name, path, wanted);
                return name;
            case Linux.TypeLink:
                Require(_scratch.MakeSymlink(name, wanted.Target), path, wanted);
                break;
            default:
                var errno = _scratch.MakeNode(name, wanted.Type | OwnerAll, wanted.Device);
                if (errno == Linux.EPERM)
                {
                    throw new StorageException(
                        StorageFailure.Unrepresentable,
                        $"{Display(path, wanted)} is a device node, which this node may not make: give it CAP_MKNOD");
                }

                Require(errno, path, wanted);
                break;
        }

        Own(_scratch, name, path, wanted);
        if (wanted.Type != Linux.TypeLink)
        {
            Require(_scratch.ChangeMode(name, wanted.Permissions & _modeMask), path, wanted);
        }

        RequireXattrs(Xattrs.Write(_scratch, name, wanted.Xattrs), path, wanted);
        Require(_scratch.ChangeModified(name, wanted.Modified), path, wanted);
        return name;
    }

    private void MakeFile(byte[] name, byte[] path, TreeNode wanted)
    {
        var errno = Handle.TryOpen(
            _scratch.Fd, name, Linux.ReadWrite | Linux.Create | Linux.Exclusive, 0x180, out var file);
        Require(errno, path, wanted);
        using (file)
        using (var content = _objects.Open(wanted.ObjectId))
        {
            var stat = content.Stat();
            if (FileCopy.Copy(content, stat, file, Display(path, wanted), _ct) != wanted.Size)
            {
                throw new StorageException(
                    StorageFailure.Unexpected,
                    $"The pool is damaged: the content of {Display(path, wanted)} has not the size it was committed with");
            }

            RequireXattrs(Xattrs.Write(file, wanted.Xattrs), path, wanted);
            Own(file, default, path, wanted);
            // after the owner: changing that clears the set-user-id bit
            Require(file.ChangeMode(wanted.Permissions & _modeMask), path, wanted);
            Require(file.ChangeModified(default, wanted.Modified), path, wanted);
        }
    }

    private byte[] LinkScratch(byte[] kept)
    {
        var name = NextName();
        _scratch.Unlink(name);
        Require(_scratch.Link(kept, _scratch, name), kept);
        return name;
    }

    /// <summary>Keeps a hard-linked file reachable in the scratch folder until its other names are made.</summary>
    private byte[] KeepLink(byte[] path, Handle folder, TreeNode wanted)
    {
        var name = NextName();
        _scratch.Unlink(name);
        Require(folder.Link(wanted.Name, _scratch, name), path, wanted);
        return name;
    }

    private void Finish(byte[] path, TreeNode target)
    {
        var errno = _root.TryOpenBeneath(path, out var folder);
        Require(errno, path);
        using (folder)
        {
            RequireXattrs(Xattrs.Write(folder, target.Xattrs), path, target);
            var stat = folder.Stat();
            if (stat.Uid != target.Uid || stat.Gid != target.Gid)
            {
                Own(folder, default, path, target);
                stat = folder.Stat();
            }

            var mode = target.Permissions & _modeMask;
            if (stat.Permissions != mode)
            {
                Require(folder.ChangeMode(mode), path);
            }

            if (stat.Modified != target.Modified)
            {
                Require(folder.ChangeModified(default, target.Modified), path);
            }

            stat = folder.Stat();
            target.Inode = stat.Inode;
            target.Changed = stat.Modified == target.Modified ? stat.Changed : 0;
        }
    }

    private void Own(Handle at, ReadOnlySpan<byte> name, byte[] path, TreeNode wanted)
    {
        // an ordinary user's files are that user's; owners come back where the node may set them
        if (_isRoot)
        {
            Require(at.ChangeOwner(name, wanted.Uid, wanted.Gid), path, wanted);
        }
    }

    private byte[] NextName() => System.Text.Encoding.ASCII.GetBytes($"{_counter++}");

    private static void RequireXattrs(int errno, byte[] path, TreeNode wanted)
    {
        if (errno is Linux.EOPNOTSUPP or Linux.EPERM)
        {
            throw new StorageException(
                StorageFailure.Unrepresentable,
                $"The extended attributes of {Display(path, wanted)} cannot be kept on the file system of this pool");
        }

        Require(errno, path, wanted);
    }

    private static void Require(int errno, byte[] path, TreeNode? node = null)
    {
        if (errno != 0)
        {
            throw Errors.Failed(errno, "restoring", node is null ? Errors.Display(path) : Display(path, node));
        }
    }

    private static string Display(byte[] path, TreeNode node) => Errors.Display(Trees.Join(path, node.Name));
}
