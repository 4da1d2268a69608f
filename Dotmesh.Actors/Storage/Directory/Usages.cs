using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>How much a filesystem holds and how much of it is uncommitted, by stats alone.</summary>
internal static class Usages
{
    internal static FilesystemUsage Measure(FilesystemFolder folder, Head head, CancellationToken ct)
    {
        using var live = Handle.OpenDirectory(folder.Live);
        var scanned = TreeScanner.Scan(live, head.Tree, lenient: true, ct);
        var size = Trees.TotalBytes(scanned);
        // before the first commit nothing is committed, not even what Create made
        var isNew = head.Commits.IsEmpty && head.Info.Origin is null;
        return new FilesystemUsage(size, isNew ? Math.Max(size, 1) : DirtyBytes(head.Tree, scanned));
    }

    /// <summary>Bytes of changed and new files; at least 1 when anything else differs.</summary>
    internal static long DirtyBytes(TreeNode committed, TreeNode now)
    {
        long bytes = 0;
        var differs = false;
        HashSet<ulong>? counted = null;
        var pending = new Stack<(TreeNode? Was, TreeNode Now)>();
        pending.Push((committed, now));
        while (pending.TryPop(out var pair))
        {
            if (ReferenceEquals(pair.Was, pair.Now))
            {
                continue;
            }

            var verdict = Compare(pair.Was, pair.Now);
            differs |= verdict != Difference.None;
            if (verdict == Difference.Content && (pair.Now.LinkGroup == 0 || (counted ??= []).Add(pair.Now.LinkGroup)))
            {
                bytes += pair.Now.Allocated;
            }

            var before = pair.Was is { IsFolder: true } ? pair.Was.Children : TreeNode.NoChildren;
            foreach (var (was, child) in Trees.Pairs(before, pair.Now.Children))
            {
                if (child is null)
                {
                    differs = true;
                }
                else
                {
                    pending.Push((was, child));
                }
            }
        }

        return differs ? Math.Max(bytes, 1) : 0;
    }

    private enum Difference
    {
        None,
        Attributes,
        Content,
    }

    private static Difference Compare(TreeNode? was, TreeNode now)
    {
        if (was is null || was.Type != now.Type)
        {
            return Difference.Content;
        }

        if (was.IsFile && (was.Size != now.Size || was.Modified != now.Modified))
        {
            return Difference.Content;
        }

        // an unknown change time (a folder that was changed in the tick of its scan, a lost index) proves nothing
        var touched = was.Changed != 0 && now.Changed != 0 && (was.Changed != now.Changed || was.Inode != now.Inode);
        return touched || !SameAttributes(was, now) ? Difference.Attributes : Difference.None;
    }

    private static bool SameAttributes(TreeNode was, TreeNode now)
    {
        // what an ordinary user's rollback could not give back is not a change
        var owners = Libc.geteuid() != 0 || (was.Uid == now.Uid && was.Gid == now.Gid);
        return owners && was.Mode == now.Mode && was.Modified == now.Modified && was.Device == now.Device;
    }
}
