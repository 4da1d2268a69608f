using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>The rollback. What needs space comes first, so that a full pool refuses it whole; the rest can be taken again.</summary>
internal sealed class Restoring(PoolFolder pool)
{
    /// <summary>Fills the empty live tree of a filesystem that is being built.</summary>
    internal static void Fill(FilesystemFolder building, ReadManifest target, CancellationToken ct)
    {
        using var reset = LiveReset.Prepare(building, null, target.Tree, target.Checksum, ct);
        reset.Apply();
    }

    /// <summary>Makes the live tree equal to a committed one and says so in the index.</summary>
    internal static void Reset(FilesystemFolder folder, Head head, CancellationToken ct)
    {
        using var reset = LiveReset.Prepare(folder, head.Tree, head.Tree, head.Checksum, ct);
        reset.Apply();
    }

    internal void Rollback(string id, Head head, CommitRecord to, CancellationToken ct)
    {
        var intent = pool.IntentOf(id);
        new Intent(Intent.Rollback, to.Id).Write(intent);
        var begun = false;
        try
        {
            pool.Faults.Hit("directory.rollback.after-intent");
            FinishRollback(id, head, to, () => begun = true, ct);
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            if (begun)
            {
                pool.LeaveUnfinished(id, Intent.Rollback);
            }
            else
            {
                TakeBack(id);
            }

            throw;
        }
    }

    /// <summary>What was prepared here and in the branches goes; nobody has seen any of it.</summary>
    private void TakeBack(string id)
    {
        pool.Folder(id).EmptyScratch(CancellationToken.None);
        foreach (var folder in pool.DependentsOf(id).Select(pool.Folder))
        {
            if (folder.TryReadInfo() is { } info)
            {
                folder.DiscardUnreferenced(info, folder.ReadCommits());
            }
        }

        PoolFiles.Remove(pool.IntentOf(id));
        pool.Heads.Drop(id);
    }

    /// <summary>Also what Recover does when it finds the intent.</summary>
    internal void FinishRollback(string id, Head head, CommitRecord to, Action begin, CancellationToken ct)
    {
        var folder = pool.Folder(id);
        pool.Heads.Drop(id);
        var target = folder.Manifests.Read(to.Manifest);
        using var reset = LiveReset.Prepare(folder, head.Tree, target.Tree, target.Checksum, ct);
        var promotions = pool.DependentsOf(id).ToArray()
            .Select(dependent => Promotion.Prepare(pool, id, head, to, dependent, ct)).OfType<Promotion>().ToArray();
        Ballast.Hold(folder.Scratch, (1 + promotions.Length) * Ballast.Small).Dispose();
        begin();
        foreach (var promotion in promotions)
        {
            promotion.TakeOver();
        }

        pool.Faults.Hit("directory.rollback.after-promotion");
        reset.Apply();
        pool.Faults.Hit("directory.rollback.after-restore");
        Shorten(id, folder, head, to);
        PoolFiles.Remove(pool.IntentOf(id));
        pool.Heads.Drop(id);
    }

    private void Shorten(string id, FilesystemFolder folder, Head head, CommitRecord to)
    {
        var discarded = head.Commits.Where(c => c.Sequence > to.Sequence).ToImmutableArray();
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
    }
}
