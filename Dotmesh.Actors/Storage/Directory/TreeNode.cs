using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// One file, folder or other entry of a tree. Nodes are shared between trees (a commit's tree reuses the nodes that did
/// not change) and are never changed once their tree is complete.
/// </summary>
internal sealed class TreeNode
{
    internal static readonly TreeNode[] NoChildren = [];

    internal required byte[] Name { get; init; }

    /// <summary>Type and permission bits as in <c>st_mode</c>.</summary>
    internal uint Mode { get; set; }

    internal uint Uid { get; set; }

    internal uint Gid { get; set; }

    /// <summary>Nanoseconds since the epoch.</summary>
    internal long Modified { get; set; }

    internal long Size { get; set; }

    /// <summary>Bytes that are not holes.</summary>
    internal long Allocated { get; set; }

    internal ulong Device { get; set; }

    /// <summary>Where the content is kept; 0 while it is not (and for all but regular files).</summary>
    internal ulong ObjectId { get; set; }

    /// <summary>Entries of one tree with the same number other than 0 are names of one file.</summary>
    internal ulong LinkGroup { get; set; }

    /// <summary>Of a symbolic link.</summary>
    internal byte[]? Target { get; set; }

    internal Xattrs.Attribute[]? Xattrs { get; set; }

    /// <summary>Of a folder, sorted by name as bytes.</summary>
    internal TreeNode[] Children { get; set; } = NoChildren;

    /// <summary>Of the file in the live tree that this node describes; 0 when that is not known.</summary>
    internal ulong Inode { get; set; }

    /// <summary>Change time of that file; 0 when it may have changed without it showing.</summary>
    internal long Changed { get; set; }

    internal uint Type => Mode & Linux.TypeMask;

    internal uint Permissions => Mode & 0xFFF;

    internal bool IsFolder => Type == Linux.TypeDirectory;

    internal bool IsFile => Type == Linux.TypeRegular;

    internal static TreeNode From(byte[] name, in FileStat stat)
    {
        var node = new TreeNode { Name = name };
        node.Take(in stat);
        return node;
    }

    internal void Take(in FileStat stat)
    {
        Mode = stat.Mode;
        Uid = stat.Uid;
        Gid = stat.Gid;
        Modified = stat.Modified;
        Size = stat.Type is Linux.TypeRegular or Linux.TypeLink ? stat.Size : 0;
        Allocated = stat.Type == Linux.TypeRegular ? stat.Allocated : 0;
        Device = stat.Type is Linux.TypeCharacter or Linux.TypeBlock ? stat.Device : 0;
        LinkGroup = stat.Links > 1 && stat.Type != Linux.TypeDirectory ? stat.Inode : 0;
        Inode = stat.Inode;
        Changed = stat.Changed;
    }

    /// <summary>True when the file is provably the one this node describes, content and all.</summary>
    internal bool IsStill(in FileStat stat) =>
        Changed == stat.Changed && Inode == stat.Inode && Modified == stat.Modified && Mode == stat.Mode
        && (Size == stat.Size || IsFolder);

    /// <summary>True when nothing that a stat shows differs; the content may, when times were forged.</summary>
    internal bool LooksLike(TreeNode other) =>
        Mode == other.Mode && Modified == other.Modified && Size == other.Size && Uid == other.Uid && Gid == other.Gid
        && Device == other.Device;

    internal TreeNode Copy(TreeNode[]? children = null) => new()
    {
        Name = Name,
        Mode = Mode,
        Uid = Uid,
        Gid = Gid,
        Modified = Modified,
        Size = Size,
        Allocated = Allocated,
        Device = Device,
        ObjectId = ObjectId,
        LinkGroup = LinkGroup,
        Target = Target,
        Xattrs = Xattrs,
        Children = children ?? Children,
        Inode = Inode,
        Changed = Changed,
    };

    internal TreeNode? Child(ReadOnlySpan<byte> name)
    {
        int low = 0, high = Children.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = Children[middle].Name.AsSpan().SequenceCompareTo(name);
            if (order == 0)
            {
                return Children[middle];
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return null;
    }
}

/// <summary>Walks and paths of trees; never recursive, because a tree may be deeper than the stack.</summary>
internal static class Trees
{
    /// <summary>A folder first, then its children in order, each with what is below it.</summary>
    internal static IEnumerable<TreeNode> PreOrder(TreeNode root)
    {
        var pending = new Stack<TreeNode>();
        pending.Push(root);
        while (pending.TryPop(out var node))
        {
            yield return node;
            for (var i = node.Children.Length - 1; i >= 0; i--)
            {
                pending.Push(node.Children[i]);
            }
        }
    }

    internal static long TotalBytes(TreeNode root)
    {
        long total = 0;
        HashSet<ulong>? counted = null;
        foreach (var node in PreOrder(root))
        {
            if (node.LinkGroup == 0 || (counted ??= []).Add(node.LinkGroup))
            {
                total += node.Allocated;
            }
        }

        return total;
    }

    internal static byte[] Join(byte[] folder, byte[] name)
    {
        if (folder.Length == 0)
        {
            return name;
        }

        var path = new byte[folder.Length + 1 + name.Length];
        folder.CopyTo(path, 0);
        path[folder.Length] = (byte)'/';
        name.CopyTo(path, folder.Length + 1);
        return path;
    }

    /// <summary>Pairs the children of two folders by name; either side may be missing.</summary>
    internal static IEnumerable<(TreeNode? Left, TreeNode? Right)> Pairs(TreeNode[] left, TreeNode[] right)
    {
        int l = 0, r = 0;
        while (l < left.Length || r < right.Length)
        {
            var order = l == left.Length ? 1
                : r == right.Length ? -1
                : ReferenceEquals(left[l], right[r]) ? 0
                : left[l].Name.AsSpan().SequenceCompareTo(right[r].Name);
            yield return (order <= 0 ? left[l++] : null, order >= 0 ? right[r++] : null);
        }
    }
}
