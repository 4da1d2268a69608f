using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Before a filesystem loses commits, branches made from them take those commits over as their own, as a promoted clone
/// does: they then start at the commit that stays.
/// </summary>
internal static class Promotion
{
    /// <summary>Repeatable: a branch that has taken over starts at a commit that stays, and is left alone.</summary>
    internal static void TakeOver(
        PoolFolder pool, string source, Head head, CommitRecord staying, string dependent, CancellationToken ct)
    {
        var folder = pool.Folder(dependent);
        if (folder.TryReadInfo() is not { Origin: { } origin } info || origin.Filesystem != source
            || head.Find(new CommitId(origin.Commit)) is not { } start || start.Sequence <= staying.Sequence)
        {
            return;
        }

        var from = pool.Folder(source);
        var taken = head.Commits.Where(c => c.Sequence > staying.Sequence && c.Sequence <= start.Sequence).ToImmutableArray();
        AdoptContents(from, folder, taken.Add(staying), ct);
        foreach (var commit in taken.Add(staying).DistinctBy(c => c.Manifest))
        {
            folder.AdoptManifest(from, commit.Manifest, NameAt(source, commit));
        }

        var own = folder.ReadCommits();
        if (!own.Any(c => c.Guid == start.Guid))
        {
            // own commits follow the taken ones; a first commit without changes refers to the old base, which stays
            var renamed = taken.Select(c => c with { Manifest = NameAt(source, c) });
            CommitLog.Rewrite(folder.Log, renamed.Concat(own).Select((c, i) => c with { Sequence = i + 1 }));
        }

        var names = folder.ReadCommits().Length;
        folder.WriteInfo(info with
        {
            Origin = new OriginInfo(source, staying.Id, staying.Guid),
            Base = NameAt(source, staying),
            BaseNextObject = staying.NextObject,
        });
        pool.Origins[dependent] = new OriginInfo(source, staying.Id, staying.Guid);
        pool.Heads.Drop(dependent);
        pool.Log.LogPromoted(dependent, names, source);
    }

    private static void AdoptContents(
        FilesystemFolder from, FilesystemFolder to, ImmutableArray<CommitRecord> commits, CancellationToken ct)
    {
        using var theirs = new ObjectStore(from.Objects, 1);
        using var objects = new ObjectStore(to.Objects, 1);
        foreach (var commit in commits.DistinctBy(c => c.Manifest))
        {
            foreach (var node in Trees.PreOrder(from.ReadManifest(commit.Manifest).Tree).Where(n => n.ObjectId != 0))
            {
                ct.ThrowIfCancellationRequested();
                objects.Adopt(theirs, node.ObjectId, ct);
            }
        }

        objects.Sync();
    }

    // manifests are numbered per filesystem, so a taken one gets a name of its own
    private static string NameAt(string source, CommitRecord commit) => $"{source}-{commit.Manifest}";
}
