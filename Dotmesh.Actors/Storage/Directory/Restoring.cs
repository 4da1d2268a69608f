using System.Collections.Immutable;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Live trees and views made from commits, and the rollback. Every step can be taken again.</summary>
internal sealed class Restoring(PoolFolder pool)
{
    /// <summary>Fills the empty live tree of a filesystem that is being built.</summary>
    internal static TreeNode Fill(FilesystemFolder building, ObjectStore objects, TreeNode tree, CancellationToken ct)
    {
        using var live = Handle.OpenDirectory(building.Live);
        using var scratch = Handle.OpenDirectory(building.Scratch);
        var current = TreeScanner.Scan(live, null, lenient: false, ct);
        return TreeRestore.Run(live, scratch, objects, current, tree, writable: true, ct);
    }

    /// <summary>Makes the live tree equal to a committed one and says so in the index.</summary>
    internal static void Reset(FilesystemFolder folder, TreeNode known, string manifest, CancellationToken ct)
    {
        var (target, checksum) = folder.ReadManifest(manifest);
        PoolFiles.RemoveTree(folder.Scratch, ct);
        PoolFiles.MakeFolder(folder.Scratch, 0x1C0);
        using var objects = new ObjectStore(folder.Objects, 1);
        using var live = Handle.OpenDirectory(folder.Live);
        using var scratch = Handle.OpenDirectory(folder.Scratch);
        var current = TreeScanner.Scan(live, known, lenient: false, ct);
        var tree = TreeRestore.Run(live, scratch, objects, current, target, writable: true, ct);
        live.SyncFilesystem(folder.Live);
        folder.WriteIndex(tree, checksum);
    }

    internal void Rollback(string id, Head head, CommitRecord to, CancellationToken ct)
    {
        new Intent(Intent.Rollback, to.Id).Write(pool.IntentOf(id));
        pool.Faults.Hit("directory.rollback.after-intent");
        FinishRollback(id, head, to, ct);
    }

    /// <summary>Also what Recover does when it finds the intent.</summary>
    internal void FinishRollback(string id, Head head, CommitRecord to, CancellationToken ct)
    {
        var folder = pool.Folder(id);
        pool.Heads.Drop(id);
        var discarded = head.Commits.Where(c => c.Sequence > to.Sequence).ToImmutableArray();
        foreach (var dependent in pool.DependentsOf(id).ToArray())
        {
            Promotion.TakeOver(pool, id, head, to, dependent, ct);
        }

        pool.Faults.Hit("directory.rollback.after-promotion");
        Reset(folder, head.Tree, to.Manifest, ct);
        pool.Faults.Hit("directory.rollback.after-restore");
        var kept = head.Commits.RemoveRange(discarded);
        if (!discarded.IsEmpty)
        {
            CommitLog.Rewrite(folder.Log, kept);
        }

        pool.Faults.Hit("directory.rollback.after-log");
        foreach (var commit in discarded)
        {
            Views.Remove(pool, id, commit.Id);
        }

        folder.DiscardUnreferenced(head.Info, kept);
        PoolFiles.Remove(pool.IntentOf(id));
        pool.Heads.Drop(id);
    }
}
