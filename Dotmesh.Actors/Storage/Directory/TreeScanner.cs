using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Reads what a stat tells about a live tree. What is unchanged against the base is the base's own node, down to whole
/// folders, so that the rest of the work is about what changed only. Files are not opened.
/// </summary>
internal sealed class TreeScanner
{
    // below this many entries waking another thread costs more than it saves
    private const int WorthSharing = 256;
    private const int Chunk = 512;

    private readonly Handle _root;
    private readonly bool _lenient;
    private readonly CancellationToken _ct;
    private readonly long _tick;
    private readonly List<Work> _all = [];

    private TreeScanner(Handle root, bool lenient, CancellationToken ct)
    {
        _root = root;
        _lenient = lenient;
        _ct = ct;
        _tick = KernelClock.Tick();
    }

    private sealed class Work
    {
        internal required TreeNode Node { get; init; }

        internal required byte[] Path { get; init; }

        internal TreeNode? Base { get; init; }

        /// <summary>Same folder, same entries: only the entries themselves have to be looked at.</summary>
        internal bool SameEntries { get; init; }

        internal bool Gone { get; set; }

        internal TreeNode?[] Children { get; set; } = [];

        internal Work?[] Folders { get; set; } = [];

        internal TreeNode? Result { get; set; }
    }

    /// <param name="root">The live tree's folder.</param>
    /// <param name="basis">Tree to compare with; null: every node is new.</param>
    /// <param name="lenient">Leave out folders that may not be read (for sizes) instead of refusing (for commits).</param>
    internal static TreeNode Scan(Handle root, TreeNode? basis, bool lenient, CancellationToken ct)
    {
        var scanner = new TreeScanner(root, lenient, ct);
        var level = new List<Work> { scanner.Start(TreeNode.From([], root.Stat()), [], basis) };
        while (level.Count > 0)
        {
            scanner._all.AddRange(level);
            scanner.Read(level);
            level = [.. level.SelectMany(work => work.Folders).OfType<Work>()];
        }

        return scanner.Resolve();
    }

    private Work Start(TreeNode node, byte[] path, TreeNode? basis)
    {
        var comparable = basis is { IsFolder: true } ? basis : null;
        var same = comparable is not null && comparable.Changed == node.Changed && comparable.Inode == node.Inode
            && comparable.Modified == node.Modified && comparable.Mode == node.Mode;
        // entries may still be added within this tick of the kernel's clock without the folder's times showing it
        if (node.Changed >= _tick)
        {
            node.Changed = 0;
        }

        return new Work { Node = node, Path = path, Base = comparable, SameEntries = same };
    }

    private void Read(List<Work> level)
    {
        var expected = 0;
        foreach (var work in level)
        {
            expected += work.Base?.Children.Length ?? 32;
        }

        if (expected < WorthSharing || level.Count == 1)
        {
            level.ForEach(Read);
            return;
        }

        Parallelism.ForEach(level, _ct, Read);
    }

    private void Read(Work work)
    {
        _ct.ThrowIfCancellationRequested();
        var errno = _root.TryOpenBeneath(work.Path, out var folder);
        if (errno != 0)
        {
            work.Gone = errno is Linux.ENOENT or Linux.ENOTDIR or Linux.ELOOP;
            if (work.Gone || (_lenient && errno == Linux.EACCES))
            {
                return;
            }

            throw Errors.Failed(errno, "listing", Errors.Display(work.Path));
        }

        using (folder)
        {
            if (!work.SameEntries || !ReadKnown(work, folder))
            {
                ReadListed(work, folder);
            }
        }
    }

    /// <summary>The entries are the base's; false when one of them is gone after all.</summary>
    private bool ReadKnown(Work work, Handle folder)
    {
        var known = work.Base!.Children;
        var names = Array.ConvertAll(known, child => child.Name);
        ReadEntries(work, folder, names, known);
        return Array.TrueForAll(work.Children, child => child is not null);
    }

    private void ReadListed(Work work, Handle folder)
    {
        var listed = folder.ReadNames(() => Errors.Display(work.Path));
        listed.Sort((a, b) => a.AsSpan().SequenceCompareTo(b));
        var names = listed.ToArray();
        var bases = new TreeNode?[names.Length];
        if (work.Base is { Children: var old })
        {
            var o = 0;
            for (var i = 0; i < names.Length; i++)
            {
                int order;
                while (o < old.Length && (order = old[o].Name.AsSpan().SequenceCompareTo(names[i])) <= 0)
                {
                    bases[i] = order == 0 ? old[o] : null;
                    o++;
                }
            }
        }

        ReadEntries(work, folder, names, bases);
    }

    private void ReadEntries(Work work, Handle folder, byte[][] names, TreeNode?[] bases)
    {
        work.Children = new TreeNode?[names.Length];
        work.Folders = new Work?[names.Length];
        if (names.Length <= 2 * Chunk)
        {
            ReadEntries(work, folder, names, bases, 0, names.Length);
            return;
        }

        Parallelism.For(0, (names.Length + Chunk - 1) / Chunk, _ct, chunk =>
            ReadEntries(work, folder, names, bases, chunk * Chunk, Math.Min(names.Length, (chunk + 1) * Chunk)));
    }

    private void ReadEntries(Work work, Handle folder, byte[][] names, TreeNode?[] bases, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            var errno = folder.TryStat(names[i], out var stat);
            if (errno != 0)
            {
                if (errno == Linux.ENOENT || (_lenient && errno == Linux.EACCES))
                {
                    continue;
                }

                throw Errors.Failed(errno, "reading", Errors.Display(Trees.Join(work.Path, names[i])));
            }

            if (stat.Type == Linux.TypeDirectory)
            {
                var node = TreeNode.From(bases[i]?.Name ?? names[i], in stat);
                work.Folders[i] = Start(node, Trees.Join(work.Path, names[i]), bases[i]);
                work.Children[i] = node;
            }
            else
            {
                work.Children[i] = bases[i] is { } basis && basis.IsStill(in stat)
                    ? basis
                    : TreeNode.From(bases[i]?.Name ?? names[i], in stat);
            }
        }
    }

    // children come after their parents in the list, so backwards every child is resolved before its parent
    private TreeNode Resolve()
    {
        for (var w = _all.Count - 1; w >= 0; w--)
        {
            var work = _all[w];
            for (var i = 0; i < work.Folders.Length; i++)
            {
                if (work.Folders[i] is { } folder)
                {
                    work.Children[i] = folder.Gone ? null : folder.Result;
                }
            }

            var children = Array.TrueForAll(work.Children, child => child is not null)
                ? (TreeNode[])(object)work.Children
                : [.. work.Children.OfType<TreeNode>()];
            var unchanged = work.SameEntries && !work.Gone && SameNodes(work.Base!.Children, children);
            work.Node.Children = children;
            work.Result = unchanged ? work.Base : work.Node;
        }

        return _all[0].Result!;
    }

    private static bool SameNodes(TreeNode[] a, TreeNode[] b)
    {
        if (a.Length != b.Length)
        {
            return false;
        }

        for (var i = 0; i < a.Length; i++)
        {
            if (!ReferenceEquals(a[i], b[i]))
            {
                return false;
            }
        }

        return true;
    }
}
