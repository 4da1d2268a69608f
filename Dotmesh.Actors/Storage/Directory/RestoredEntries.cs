using System.Globalization;
using System.Text;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Files, links and other entries made in a scratch folder with all their attributes, to be moved into a tree by a rename
/// each.
/// </summary>
/// <param name="scratch">An empty folder on the file system of the tree.</param>
/// <param name="objects">Where the contents are.</param>
/// <param name="modeMask">The permission bits that entries may have.</param>
internal sealed class RestoredEntries(Handle scratch, ObjectStore objects, uint modeMask) : IDisposable
{
    private const uint OwnerAll = 0x1C0;

    private readonly bool _isRoot = Libc.geteuid() == 0;
    private readonly Dictionary<TreeNode, byte[]> _made = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(ulong Group, ulong Object), byte[]> _linked = [];
    private int _counter;

    /// <summary>Removes what was made and not placed.</summary>
    public void Dispose()
    {
        foreach (var name in _made.Values)
        {
            scratch.Unlink(name);
        }

        scratch.Dispose();
    }

    /// <param name="path">Folder of the tree, for messages.</param>
    /// <param name="node">What to make.</param>
    /// <param name="ct">Cancels the copy of a content.</param>
    internal void Make(byte[] path, TreeNode node, CancellationToken ct)
    {
        var name = NextName();
        _made[node] = name;
        var key = (node.LinkGroup, node.ObjectId);
        if (node.LinkGroup != 0 && _linked.TryGetValue(key, out var first))
        {
            Restored.Require(scratch.Link(first, scratch, name), path, node);
            return;
        }

        MakeNew(name, path, node, ct);
        if (node.LinkGroup != 0)
        {
            _linked[key] = name;
        }
    }

    /// <summary>Moves what was made for the node to its name; false when nothing was.</summary>
    internal bool Place(byte[] path, Handle folder, TreeNode node)
    {
        if (!_made.Remove(node, out var name))
        {
            return false;
        }

        Restored.Require(scratch.Rename(name, folder, node.Name), path, node);
        // renaming one name of a file onto another name of it does nothing, and the first name stays
        scratch.Unlink(name);
        return true;
    }

    private void MakeNew(byte[] name, byte[] path, TreeNode node, CancellationToken ct)
    {
        switch (node.Type)
        {
            case Linux.TypeRegular:
                MakeFile(name, path, node, ct);
                return;
            case Linux.TypeLink:
                Restored.Require(scratch.MakeSymlink(name, node.Target), path, node);
                break;
            default:
                var errno = scratch.MakeNode(name, node.Type | OwnerAll, node.Device);
                if (errno == Linux.EPERM)
                {
                    throw new StorageException(
                        StorageFailure.Unrepresentable,
                        $"{Restored.Display(path, node)} is a device node, which this node may not make: give it CAP_MKNOD");
                }

                Restored.Require(errno, path, node);
                break;
        }

        Own(scratch, name, path, node);
        if (node.Type != Linux.TypeLink)
        {
            Restored.Require(scratch.ChangeMode(name, node.Permissions & modeMask), path, node);
        }

        Restored.RequireXattrs(Xattrs.Write(scratch, name, node.Xattrs), path, node);
        Restored.Require(scratch.ChangeModified(name, node.Modified), path, node);
    }

    private void MakeFile(byte[] name, byte[] path, TreeNode node, CancellationToken ct)
    {
        var errno = Handle.TryOpen(
            scratch.Fd, name, Linux.ReadWrite | Linux.Create | Linux.Exclusive, 0x180, out var file);
        Restored.Require(errno, path, node);
        using (file)
        using (var content = objects.Open(node.ObjectId))
        {
            var stat = content.Stat();
            if (FileCopy.Copy(content, stat, file, Restored.Display(path, node), ct) != node.Size)
            {
                throw new StorageException(
                    StorageFailure.Unexpected,
                    $"The pool is damaged: the content of {Restored.Display(path, node)} has not the size it was committed with");
            }

            Restored.RequireXattrs(Xattrs.Write(file, node.Xattrs), path, node);
            Own(file, default, path, node);
            // after the owner: changing that clears the set-user-id bit
            Restored.Require(file.ChangeMode(node.Permissions & modeMask), path, node);
            Restored.Require(file.ChangeModified(default, node.Modified), path, node);
        }
    }

    private void Own(Handle at, ReadOnlySpan<byte> name, byte[] path, TreeNode node)
    {
        // an ordinary user's files are that user's; owners come back where the node may set them
        if (_isRoot)
        {
            Restored.Require(at.ChangeOwner(name, node.Uid, node.Gid), path, node);
        }
    }

    private byte[] NextName() => Encoding.ASCII.GetBytes(_counter++.ToString(CultureInfo.InvariantCulture));
}

/// <summary>Failures while a tree is restored, each naming the entry.</summary>
internal static class Restored
{
    internal static void Require(int errno, byte[] path, TreeNode? node = null)
    {
        if (errno != 0)
        {
            throw Errors.Failed(errno, "restoring", node is null ? Errors.Display(path) : Display(path, node));
        }
    }

    internal static void RequireXattrs(int errno, byte[] path, TreeNode node)
    {
        if (errno is Linux.EOPNOTSUPP or Linux.EPERM)
        {
            throw new StorageException(
                StorageFailure.Unrepresentable,
                $"The extended attributes of {Display(path, node)} cannot be kept on the file system of this pool");
        }

        Require(errno, path, node);
    }

    internal static string Display(byte[] path, TreeNode node) => Errors.Display(Trees.Join(path, node.Name));
}
