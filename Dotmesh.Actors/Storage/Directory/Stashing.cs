using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Stash (contract 5.7): the folder with all that was written moves to the new id, and a filesystem that ends at the
/// commit is built under the old one. Two renames, led by an intent.
/// </summary>
internal sealed class Stashing(PoolFolder pool)
{
    internal void Stash(
        string id, Head head, CommitRecord at, string stash, FilesystemLabels labels, CancellationToken ct)
    {
        var intent = new Intent(Intent.Stashes, at.Id, stash, LabelsInfo.From(labels));
        var begun = false;
        try
        {
            BuildSuccessor(id, head, at, ct);
            pool.Faults.Hit("directory.stash.after-build");
            Ballast.Hold(pool.Folder(id).Scratch, Ballast.Small * (1 + pool.DependentsOf(id).Count())).Dispose();
            intent.Write(pool.IntentOf(id));
            begun = true;
            pool.Faults.Hit("directory.stash.after-intent");
            Finish(id, intent);
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            if (begun)
            {
                pool.LeaveUnfinished(id, Intent.Stashes);
            }
            else
            {
                PoolFiles.Remove($"{pool.Temporary}/{id}");
            }

            throw;
        }
    }

    /// <summary>True when this very stash was made before: the filesystem ends at the commit, the stash begins there.</summary>
    internal bool IsDone(string id, Head head, CommitRecord at, string stash) =>
        head.Commits[^1].Id == at.Id
        && PoolFiles.Exists(pool.Folder(stash).Path)
        && pool.Folder(stash).TryReadInfo()?.Origin is { } origin
        && origin.Filesystem == id && origin.Commit == at.Id;

    /// <summary>Takes the steps that are left; also what Recover and a repeated call do when they find the intent.</summary>
    internal void Finish(string id, Intent intent)
    {
        var stash = pool.Folder(intent.Stash!);
        var successor = $"{pool.Temporary}/{id}";
        pool.Heads.Drop(id);
        pool.Heads.Drop(intent.Stash!);
        if (!PoolFiles.Exists(stash.Path))
        {
            Views.UnmountAll(pool, id);
            PoolFiles.Rename(pool.Folder(id).Path, stash.Path);
            PoolFiles.SyncFolder(pool.Filesystems);
        }

        pool.Faults.Hit("directory.stash.after-move");
        if (PoolFiles.Exists(successor))
        {
            PoolFiles.Rename(successor, pool.Folder(id).Path);
            PoolFiles.SyncFolder(pool.Filesystems);
        }

        pool.Faults.Hit("directory.stash.after-successor");
        Shorten(id, intent, stash);
        Mounting.Link(pool.MountOf(id), pool.Folder(id).Live);
        Mounting.Link(pool.MountOf(intent.Stash!), stash.Live);
        pool.Faults.Hit("directory.stash.after-mount");
        PoolFiles.Remove(pool.IntentOf(id));
    }

    /// <summary>The filesystem as it was at the commit, under the same labels and with the same earlier commits.</summary>
    private void BuildSuccessor(string id, Head head, CommitRecord at, CancellationToken ct)
    {
        var from = pool.Folder(id);
        var path = $"{pool.Temporary}/{id}";
        PoolFiles.RemoveTree(path, ct);
        var building = FilesystemFolder.Make(path);
        var kept = head.Commits.Where(c => c.Sequence <= at.Sequence).ToArray();
        building.Manifests.Copy(from.Manifests, kept.Select(c => c.Manifest).Append(head.Info.Base));
        using var theirs = new ObjectStore(from.Objects, 1);
        using var objects = new ObjectStore(building.Objects, 1);
        foreach (var number in theirs.Ids().Where(n => n < at.NextObject))
        {
            ct.ThrowIfCancellationRequested();
            objects.Adopt(theirs, number, ct);
        }

        objects.Sync();
        CommitLog.Rewrite(building.Log, kept);
        Restoring.Fill(building, building.Manifests.Read(at.Manifest), ct);
        building.WriteInfo(head.Info);
        using var all = Handle.OpenDirectory(path);
        all.SyncFilesystem(path);
    }

    // the stash begins after the commit and names it as its origin; branches made from its commits follow it
    private void Shorten(string id, Intent intent, FilesystemFolder stash)
    {
        var info = stash.TryReadInfo()!;
        var commits = stash.ReadCommits();
        var at = commits.FirstOrDefault(c => c.Id == intent.Commit);
        if (at is not null)
        {
            foreach (var dependent in pool.DependentsOf(id).ToArray())
            {
                Follow(dependent, commits.Where(c => c.Sequence > at.Sequence), intent.Stash!);
            }

            stash.WriteInfo(info with
            {
                Labels = intent.StashLabels,
                Origin = new OriginInfo(id, at.Id, at.Guid),
                Base = at.Manifest,
                BaseNextObject = at.NextObject,
            });
            pool.Faults.Hit("directory.stash.after-labels");
            CommitLog.Rewrite(stash.Log, commits.Where(c => c.Sequence > at.Sequence));
        }

        stash.DiscardUnreferenced(stash.TryReadInfo()!, stash.ReadCommits());
        pool.Heads.Drop(intent.Stash!);
        pool.Origins[intent.Stash!] = stash.TryReadInfo()!.Origin!;
    }

    private void Follow(string dependent, IEnumerable<CommitRecord> moved, string stash)
    {
        var folder = pool.Folder(dependent);
        if (folder.TryReadInfo() is { Origin: { } origin } info && moved.Any(c => c.Id == origin.Commit))
        {
            var followed = origin with { Filesystem = stash };
            folder.WriteInfo(info with { Origin = followed });
            pool.Origins[dependent] = followed;
            pool.Heads.Drop(dependent);
        }
    }
}
