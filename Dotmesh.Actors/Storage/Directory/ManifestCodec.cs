namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// A commit's tree as a file: every node in pre-order with its object, then a checksum. Beside it, without durability, the
/// live index: which inode with which change time each node was when the tree was last known to be the live one.
/// </summary>
internal static class ManifestCodec
{
    private const uint Magic = 0x314D4D44; // "DMM1"
    private const uint IndexMagic = 0x31494D44; // "DMI1"

    internal static ByteBuffer Write(TreeNode root)
    {
        var to = new ByteBuffer(4096);
        to.Fixed32(Magic);
        foreach (var node in Trees.PreOrder(root))
        {
            NodeCodec.Write(to, node);
            if (node.IsFile)
            {
                to.Number(node.ObjectId);
            }
            else if (node.IsFolder)
            {
                to.Number((ulong)node.Children.Length);
            }
        }

        to.Fixed32(Checksum.Crc32C(to.Span));
        return to;
    }

    /// <summary>Throws <see cref="InvalidDataException"/> when damaged.</summary>
    internal static TreeNode Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8)
        {
            throw new InvalidDataException("ends too early");
        }

        var checksum = new ByteReader(bytes[^4..]);
        if (Checksum.Crc32C(bytes[..^4]) != checksum.Fixed32())
        {
            throw new InvalidDataException("the checksum does not match");
        }

        var from = new ByteReader(bytes[..^4]);
        if (from.Fixed32() != Magic)
        {
            throw new InvalidDataException("not a manifest of this version");
        }

        var root = ReadNode(ref from);
        var open = new Stack<(TreeNode Folder, int Filled)>();
        open.Push((root, 0));
        while (open.TryPop(out var top))
        {
            if (top.Filled == top.Folder.Children.Length)
            {
                continue;
            }

            var child = ReadNode(ref from);
            top.Folder.Children[top.Filled] = child;
            open.Push((top.Folder, top.Filled + 1));
            if (child.IsFolder)
            {
                open.Push((child, 0));
            }
        }

        return from.AtEnd ? root : throw new InvalidDataException("has bytes after its end");
    }

    internal static uint ChecksumOf(ReadOnlySpan<byte> manifest) => new ByteReader(manifest[^4..]).Fixed32();

    internal static ByteBuffer WriteIndex(TreeNode root, uint manifestChecksum)
    {
        var to = new ByteBuffer(1024);
        to.Fixed32(IndexMagic);
        to.Fixed32(manifestChecksum);
        foreach (var node in Trees.PreOrder(root))
        {
            to.Number(node.Inode);
            to.Signed(node.Changed);
        }

        to.Fixed32(Checksum.Crc32C(to.Span));
        return to;
    }

    /// <summary>
    /// Tells the nodes of a tree just read where they live. A missing, torn or foreign index tells nothing: then every file
    /// is compared by content at the next commit.
    /// </summary>
    internal static bool ReadIndex(ReadOnlySpan<byte> bytes, TreeNode root, uint manifestChecksum)
    {
        if (bytes.Length < 12 || Checksum.Crc32C(bytes[..^4]) != new ByteReader(bytes[^4..]).Fixed32())
        {
            return false;
        }

        var from = new ByteReader(bytes[..^4]);
        if (from.Fixed32() != IndexMagic || from.Fixed32() != manifestChecksum)
        {
            return false;
        }

        foreach (var node in Trees.PreOrder(root))
        {
            node.Inode = from.Number();
            node.Changed = from.Signed();
        }

        return true;
    }

    private static TreeNode ReadNode(ref ByteReader from)
    {
        var node = NodeCodec.Read(ref from);
        if (node.IsFile)
        {
            node.ObjectId = from.Number();
        }
        else if (node.IsFolder && from.Count(from.Left) is > 0 and var children)
        {
            node.Children = new TreeNode[children];
        }

        return node;
    }
}
