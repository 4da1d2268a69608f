using System.Globalization;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Commit: scan, copy what changed, manifest, record.</summary>
internal sealed class Committing(PoolFolder pool)
{
    internal async Task<CommitRecord> Commit(
        string id, Head head, CommitId commit, CommitMetadata metadata, CancellationToken ct)
    {
        var folder = pool.Folder(id);
        var intent = pool.IntentOf(id);
        new Intent(Intent.Commits).Write(intent);
        try
        {
            pool.Faults.Hit("directory.commit.after-intent");
            using var objects = new ObjectStore(folder.Objects, head.NextObject);
            using var live = Handle.OpenDirectory(folder.Live);
            var scanned = TreeScanner.Scan(live, head.Tree, lenient: false, ct);
            var tree = await new TreeCapture(live, objects, ct).Complete(scanned, head.Tree);
            pool.Faults.Hit("directory.commit.after-objects");
            var changed = !ReferenceEquals(tree, head.Tree);
            var sequence = head.NextSequence;
            var manifest = changed ? sequence.ToString(CultureInfo.InvariantCulture) : head.Manifest;
            var written = changed
                ? folder.Manifests.Write(manifest, tree, head.Full)
                : new ReadManifest(tree, head.Checksum, head.Full);
            pool.Faults.Hit("directory.commit.after-manifest");
            var (total, entries) = Measure(tree);
            var record = new CommitRecord(
                commit.Value, PoolFolder.NewGuid(), Now(), metadata, sequence, manifest, total, objects.Next);
            CommitLog.Append(folder.Log, head.LogLength, record);
            pool.Faults.Hit("directory.commit.after-record");
            Publish(id, folder, head, record, written, entries);
            pool.Faults.Hit("directory.commit.after-index");
            PoolFiles.Remove(intent);
            return record;
        }
        catch (Exception failure) when (failure is not InjectedFaultException)
        {
            Undo(id, folder, intent);
            throw;
        }
    }

    private void Publish(
        string id, FilesystemFolder folder, Head head, CommitRecord record, ReadManifest written, int entries)
    {
        // a difference needs no index of its own: that of the full manifest knows all but the few files in it
        if (written.Full.Name == record.Manifest)
        {
            folder.TryWriteIndex(written.Tree, written.Checksum);
        }

        var length = CommitLog.LengthOf(record);
        pool.Heads.Put(id, new Head(
            head.Info, head.Commits.Add(record), head.LogLength + length, written.Tree, written.Checksum, written.Full, entries));
    }

    private void Undo(string id, FilesystemFolder folder, string intent)
    {
        pool.Heads.Drop(id);
        if (folder.TryReadInfo() is { } info)
        {
            folder.DiscardUnreferenced(info, folder.ReadCommits());
        }

        PoolFiles.Remove(intent);
    }

    // the file of the record keeps whole ticks
    private DateTimeOffset Now() => pool.Time.GetUtcNow().ToUniversalTime();

    private static (long Total, int Entries) Measure(TreeNode root)
    {
        long total = 0;
        var entries = 0;
        HashSet<ulong>? counted = null;
        foreach (var node in Trees.PreOrder(root))
        {
            entries++;
            if (node.LinkGroup == 0 || (counted ??= []).Add(node.LinkGroup))
            {
                total += node.Allocated;
            }
        }

        return (total, entries);
    }
}
