using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>New filesystems: built aside, then put in place by one rename, so that they are there whole or not at all.</summary>
internal sealed class Creating(PoolFolder pool)
{
    private const string FirstManifest = "0";

    internal void Create(string id, FilesystemLabels labels)
    {
        var building = Begin(id);
        using (var live = Handle.OpenDirectory(building.Live))
        {
            var errno = live.MakeDirectory("__default__"u8, 0x1FF);
            errno = errno == 0 ? live.ChangeMode("__default__"u8, 0x1FF) : errno;
            if (errno != 0)
            {
                throw Errors.Failed(errno, "making", $"{building.Live}/__default__");
            }

            var tree = TreeScanner.Scan(live, null, lenient: false, CancellationToken.None);
            building.TryWriteIndex(tree, building.Manifests.WriteFull(FirstManifest, tree).Checksum);
        }

        building.WriteInfo(new FilesystemInfo(LabelsInfo.From(labels), null, FirstManifest, 1));
        pool.Faults.Hit("directory.create.after-build");
        Publish(id, "create", mounted: true);
    }

    /// <summary>An empty tree without any folder, to be filled by a stream; not yet in place.</summary>
    internal FilesystemFolder BeginEmpty(string id, FilesystemLabels labels)
    {
        var building = Begin(id);
        using var live = Handle.OpenDirectory(building.Live);
        var tree = TreeScanner.Scan(live, null, lenient: false, CancellationToken.None);
        building.TryWriteIndex(tree, building.Manifests.WriteFull(FirstManifest, tree).Checksum);
        building.WriteInfo(new FilesystemInfo(LabelsInfo.From(labels), null, FirstManifest, 1));
        return building;
    }

    internal void Branch(string source, CommitRecord at, string id, FilesystemLabels labels, CancellationToken ct)
    {
        BeginBranch(source, at, id, labels, ct);
        pool.Faults.Hit("directory.branch.after-build");
        Publish(id, "branch", mounted: true);
    }

    /// <summary>A filesystem that starts at a commit of another one; not yet in place.</summary>
    internal FilesystemFolder BeginBranch(
        string source, CommitRecord at, string id, FilesystemLabels? labels, CancellationToken ct)
    {
        var from = pool.Folder(source);
        var building = Begin(id);
        building.Manifests.Adopt(from.Manifests, at.Manifest, FirstManifest);
        var first = building.Manifests.Read(FirstManifest);
        using (var theirs = new ObjectStore(from.Objects, 1))
        using (var objects = new ObjectStore(building.Objects, 1))
        {
            foreach (var node in Trees.PreOrder(first.Tree).Where(n => n.ObjectId != 0).DistinctBy(n => n.ObjectId))
            {
                ct.ThrowIfCancellationRequested();
                objects.Adopt(theirs, node.ObjectId, ct);
            }

            objects.Sync();
            pool.Faults.Hit("directory.branch.after-objects");
        }

        Restoring.Fill(building, first, ct);

        building.WriteInfo(new FilesystemInfo(
            LabelsInfo.From(labels), new OriginInfo(source, at.Id, at.Guid), FirstManifest, at.NextObject));
        return building;
    }

    /// <summary>Puts what was built in place. The link to the live tree leads nowhere until the rename: all at once.</summary>
    internal void Publish(string id, string operation, bool mounted)
    {
        PoolFiles.SyncFolder($"{pool.Temporary}/{id}");
        if (mounted)
        {
            Mounting.Link(pool.MountOf(id), pool.Folder(id).Live);
        }

        pool.Faults.Hit($"directory.{operation}.after-mount");
        PoolFiles.Rename($"{pool.Temporary}/{id}", pool.Folder(id).Path);
        PoolFiles.SyncFolder(pool.Filesystems);
        Register(id);
        pool.Faults.Hit($"directory.{operation}.after-publish");
    }

    internal void Register(string id)
    {
        pool.Heads.Drop(id);
        if (pool.Folder(id).TryReadInfo()?.Origin is { } origin)
        {
            pool.Origins[id] = origin;
        }
        else
        {
            pool.Origins.TryRemove(id, out _);
        }
    }

    internal void Abandon(string id)
    {
        if (!PoolFiles.Exists(pool.Folder(id).Path))
        {
            Mounting.Unlink(pool.MountOf(id));
        }

        PoolFiles.Remove($"{pool.Temporary}/{id}");
    }

    /// <summary>Where one is built.</summary>
    internal FilesystemFolder Building(string id) => new($"{pool.Temporary}/{id}");

    private FilesystemFolder Begin(string id)
    {
        var path = Building(id).Path;
        PoolFiles.Remove(path);
        return FilesystemFolder.Make(path);
    }
}
