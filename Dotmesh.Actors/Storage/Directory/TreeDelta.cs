namespace Dotmesh.Actors.Storage.Directory;

/// <summary>How the entries of a commit differ from those of the commit before.</summary>
internal enum DeltaKind : byte
{
    /// <summary>The node follows, without content of its own: a folder, a link, or a file whose content did not change.</summary>
    Attributes,

    /// <summary>A file with new content; the content follows after the entries, in their order.</summary>
    Content,

    /// <summary>A file with the content of an entry named before in this commit, by its position among those with content.</summary>
    SameContent,

    Removed,

    /// <summary>The next entries are in a folder of the current one.</summary>
    Enter,

    /// <summary>The next entries are in the parent again.</summary>
    Leave,
}

/// <summary>
/// The difference of two trees as entries that are applied in one pass. The root itself comes first; entries are named
/// within the folder that was entered, so no path can lead out of the tree.
/// </summary>
internal static class TreeDelta
{
    /// <param name="was">Tree of the commit before.</param>
    /// <param name="now">Tree of the commit.</param>
    /// <param name="contents">Receives the files whose content has to follow.</param>
    internal static ByteBuffer Write(TreeNode was, TreeNode now, List<TreeNode> contents)
    {
        var to = new ByteBuffer(4096);
        var sent = new Dictionary<ulong, int>();
        to.Byte((byte)DeltaKind.Attributes);
        NodeCodec.Write(to, now);
        var open = new Stack<IEnumerator<(TreeNode? Was, TreeNode? Now)>>();
        open.Push(Trees.Pairs(was.Children, now.Children).GetEnumerator());
        while (open.TryPeek(out var pairs))
        {
            if (!pairs.MoveNext())
            {
                open.Pop().Dispose();
                to.Byte((byte)DeltaKind.Leave);
                continue;
            }

            WriteEntry(to, pairs.Current, sent, contents, open);
        }

        return to;
    }

    private static void WriteEntry(
        ByteBuffer to,
        (TreeNode? Was, TreeNode? Now) pair,
        Dictionary<ulong, int> sent,
        List<TreeNode> contents,
        Stack<IEnumerator<(TreeNode? Was, TreeNode? Now)>> open)
    {
        var (was, now) = pair;
        if (ReferenceEquals(was, now))
        {
            return;
        }

        if (now is null)
        {
            to.Byte((byte)DeltaKind.Removed);
            to.Block(was!.Name);
            return;
        }

        if (now.IsFolder)
        {
            var before = was is { IsFolder: true } ? was.Children : TreeNode.NoChildren;
            if (was is null || was.Type != now.Type || !SameNode(was, now))
            {
                to.Byte((byte)DeltaKind.Attributes);
                NodeCodec.Write(to, now);
            }

            if (before.Length > 0 || now.Children.Length > 0)
            {
                to.Byte((byte)DeltaKind.Enter);
                to.Block(now.Name);
                open.Push(Trees.Pairs(before, now.Children).GetEnumerator());
            }

            return;
        }

        var kept = was is not null && was.Type == now.Type && (!now.IsFile || was.ObjectId == now.ObjectId);
        if (kept && SameNode(was!, now))
        {
            return;
        }

        if (kept || !now.IsFile)
        {
            to.Byte((byte)DeltaKind.Attributes);
            NodeCodec.Write(to, now);
        }
        else if (sent.TryGetValue(now.ObjectId, out var position))
        {
            to.Byte((byte)DeltaKind.SameContent);
            NodeCodec.Write(to, now);
            to.Number((ulong)position);
        }
        else
        {
            sent[now.ObjectId] = contents.Count;
            contents.Add(now);
            to.Byte((byte)DeltaKind.Content);
            NodeCodec.Write(to, now);
        }
    }

    /// <summary>
    /// The tree before with the entries applied. <paramref name="contents"/> receives the files whose content follows;
    /// those that share it are given the object by <paramref name="sharing"/> once it has come.
    /// </summary>
    internal static TreeNode Apply(
        TreeNode was, ReadOnlySpan<byte> entries, List<TreeNode> contents, List<(TreeNode Node, TreeNode With)> sharing)
    {
        var from = new ByteReader(entries);
        if ((DeltaKind)from.Byte() != DeltaKind.Attributes || NodeCodec.Read(ref from) is not { IsFolder: true, Name.Length: 0 } root)
        {
            throw new InvalidDataException("its root is not a folder");
        }

        var open = new Stack<OpenFolder>();
        open.Push(new OpenFolder(root, was));
        while (open.TryPeek(out var folder))
        {
            switch ((DeltaKind)from.Byte())
            {
                case DeltaKind.Leave:
                    open.Pop();
                    folder.Close();
                    break;
                case DeltaKind.Enter:
                    open.Push(folder.Enter(from.Block()));
                    break;
                case DeltaKind.Removed:
                    folder.Remove(from.Block());
                    break;
                case DeltaKind.Attributes:
                    folder.Put(NodeCodec.Read(ref from), mayHaveOld: true);
                    break;
                case DeltaKind.Content:
                    contents.Add(folder.Put(RequireFile(NodeCodec.Read(ref from)), mayHaveOld: false));
                    break;
                case DeltaKind.SameContent:
                    var node = folder.Put(RequireFile(NodeCodec.Read(ref from)), mayHaveOld: false);
                    var with = contents.Count > 0
                        ? contents[from.Count(contents.Count - 1)]
                        : throw new InvalidDataException("it shares a content that has not come");
                    sharing.Add((node, with));
                    break;
                default:
                    throw new InvalidDataException("it has an unknown kind of entry");
            }
        }

        return from.AtEnd ? root : throw new InvalidDataException("it has entries after its end");
    }

    private static TreeNode RequireFile(TreeNode node) =>
        node.IsFile ? node : throw new InvalidDataException("it has content for what is not a file");

    private static bool SameNode(TreeNode a, TreeNode b) =>
        a.LooksLike(b) && a.LinkGroup == b.LinkGroup && a.Allocated == b.Allocated
        && Posix.Xattrs.Same(a.Xattrs, b.Xattrs)
        && (a.Target ?? []).AsSpan().SequenceEqual(b.Target ?? []);

    /// <summary>A folder in the making: the old children by name, changed one by one.</summary>
    private sealed class OpenFolder
    {
        private readonly TreeNode _folder;
        private readonly SortedDictionary<byte[], TreeNode> _children = new(NameOrder.Instance);
        private byte[] _last = [];

        internal OpenFolder(TreeNode folder, TreeNode? was)
        {
            _folder = folder;
            foreach (var child in was?.Children ?? [])
            {
                _children.Add(child.Name, child);
            }
        }

        internal OpenFolder Enter(ReadOnlySpan<byte> name)
        {
            if (!_children.TryGetValue(name.ToArray(), out var child) || !child.IsFolder)
            {
                throw new InvalidDataException("it enters what is not a folder");
            }

            var copy = child.Copy();
            _children[child.Name] = copy;
            return new OpenFolder(copy, child);
        }

        internal void Remove(ReadOnlySpan<byte> name)
        {
            if (!_children.Remove(name.ToArray()))
            {
                throw new InvalidDataException("it removes what is not there");
            }
        }

        internal TreeNode Put(TreeNode node, bool mayHaveOld)
        {
            // names ascend, so none is empty and none comes twice
            if (NameOrder.Instance.Compare(node.Name, _last) <= 0)
            {
                throw new InvalidDataException("its entries are not in order");
            }

            _last = node.Name;

            var old = _children.GetValueOrDefault(node.Name);
            if (mayHaveOld && node.IsFile)
            {
                node.ObjectId = old is { IsFile: true } && old.Size == node.Size
                    ? old.ObjectId
                    : throw new InvalidDataException("a file comes without its content");
            }

            if (node.IsFolder && old is { IsFolder: true })
            {
                node.Children = old.Children;
            }

            _children[node.Name] = node;
            return node;
        }

        internal void Close() => _folder.Children = [.. _children.Values];
    }

    private sealed class NameOrder : IComparer<byte[]>
    {
        internal static readonly NameOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
