using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Before a filesystem loses commits, branches made from them take those commits over as their own, as a promoted clone
/// does: they then start at the commit that stays.
/// </summary>
internal sealed class Promotion
{
    private readonly PoolFolder _pool;
    private readonly string _source;
    private readonly string _dependent;
    private readonly FilesystemInfo _info;
    private readonly ImmutableArray<CommitRecord> _taken;
    private readonly CommitRecord _staying;

    private Promotion(
        PoolFolder pool,
        string source,
        string dependent,
        FilesystemInfo info,
        ImmutableArray<CommitRecord> taken,
        CommitRecord staying)
    {
        _pool = pool;
        _source = source;
        _dependent = dependent;
        _info = info;
        _taken = taken;
        _staying = staying;
    }

    /// <summary>
    /// Gives the branch the contents it will need; nothing of it shows yet. Null for a branch that needs none: it starts at
    /// a commit that stays, perhaps because it has taken over before.
    /// </summary>
    internal static Promotion? Prepare(
        PoolFolder pool, string source, Head head, CommitRecord staying, string dependent, CancellationToken ct)
    {
        var folder = pool.Folder(dependent);
        if (folder.TryReadInfo() is not { Origin: { } origin } info || origin.Filesystem != source
            || head.Find(new CommitId(origin.Commit)) is not { } start || start.Sequence <= staying.Sequence)
        {
            return null;
        }

        var from = pool.Folder(source);
        var taken = head.Commits.Where(c => c.Sequence > staying.Sequence && c.Sequence <= start.Sequence).ToImmutableArray();
        AdoptContents(from, folder, taken.Add(staying), ct);
        foreach (var commit in taken.Add(staying).DistinctBy(c => c.Manifest))
        {
            folder.Manifests.Adopt(from.Manifests, commit.Manifest, NameAt(source, commit));
        }

        return new Promotion(pool, source, dependent, info, taken, staying);
    }

    /// <summary>Repeatable.</summary>
    internal void TakeOver()
    {
        var folder = _pool.Folder(_dependent);
        var own = folder.ReadCommits();
        if (!own.Any(c => c.Guid == _taken[^1].Guid))
        {
            // own commits follow the taken ones; a first commit without changes refers to the old base, which stays
            var renamed = _taken.Select(c => c with { Manifest = NameAt(_source, c) });
            CommitLog.Rewrite(folder.Log, renamed.Concat(own).Select((c, i) => c with { Sequence = i + 1 }));
        }

        var origin = new OriginInfo(_source, _staying.Id, _staying.Guid);
        folder.WriteInfo(_info with
        {
            Origin = origin,
            Base = NameAt(_source, _staying),
            BaseNextObject = _staying.NextObject,
        });
        _pool.Origins[_dependent] = origin;
        _pool.Heads.Drop(_dependent);
        _pool.Log.LogPromoted(_dependent, folder.ReadCommits().Length, _source);
    }

    private static void AdoptContents(
        FilesystemFolder from, FilesystemFolder to, ImmutableArray<CommitRecord> commits, CancellationToken ct)
    {
        using var theirs = new ObjectStore(from.Objects, 1);
        using var objects = new ObjectStore(to.Objects, 1);
        foreach (var commit in commits.DistinctBy(c => c.Manifest))
        {
            foreach (var node in Trees.PreOrder(from.Manifests.Read(commit.Manifest).Tree).Where(n => n.ObjectId != 0))
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
