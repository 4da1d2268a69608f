using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;

namespace Dotmesh.Specs.Storage;

/// <summary>The storage contract on whatever ZFS this machine has: zfs-fuse, or OpenZFS in the virtual machine.</summary>
public class ZfsStorageSpec : StorageContract
{
    private readonly List<ZfsPool> _pools = [];
    private ZfsPool? _pool;

    protected virtual string Lane => Lanes.Zfs;

    // only a kernel module goes on within a commit
    protected override bool KeepsPartsOfCommits => Lane == Lanes.OpenZfs;

    protected override async Task Prepare()
    {
        Lanes.Require(Lane);
        _pool = await NewPool(1L << 30);
    }

    protected override Task<IStorage> Open() => Open(_pool!);

    protected override async Task<IStorage> OpenAnother() => await Open(await NewPool(1L << 30));

    protected override async Task<IStorage?> OpenSmall(long bytes) => await Open(await NewPool(Math.Max(bytes, 64L << 20)));

    protected override IReadOnlyList<string> FaultPointsOf(string operation) => operation switch
    {
        "create" => ["zfs.create.before", "zfs.create.after-create", "zfs.create.after-subdot"],
        "commit" => ["zfs.commit.before-snapshot", "zfs.commit.after-snapshot"],
        "branch" => ["zfs.branch.before", "zfs.branch.after-clone"],
        "rollback" => ["zfs.rollback.after-note", "zfs.rollback.after-rollback"],
        "rollback-with-branch" =>
        [
            "zfs.rollback.after-note", "zfs.rollback.after-rename", "zfs.rollback.after-clone", "zfs.rollback.after-promote",
            "zfs.rollback.after-promote-dependent",
        ],
        "stash" =>
        [
            "zfs.stash.after-note", "zfs.stash.after-rename", "zfs.stash.after-clone", "zfs.stash.after-promote",
            "zfs.stash.after-labels",
        ],
        "destroy" => ["zfs.destroy.after-unmount", "zfs.destroy.after-rename"],
        "receive-on-base" => ["zfs.receive.after-stream"],
        "receive" => ["zfs.receive.after-segment", "zfs.receive.after-stream", "zfs.receive.before-rename", "zfs.receive.after-rename"],
        _ => [],
    };

    // two minutes of zfs-fuse for what twenty thousand tell too
    protected override int ManyFiles => 20_000;

    protected override async Task CleanUp()
    {
        foreach (var pool in _pools)
        {
            await pool.DisposeAsync();
        }
    }

    private async Task<ZfsPool> NewPool(long bytes)
    {
        var pool = await ZfsPool.Create(bytes);
        _pools.Add(pool);
        return pool;
    }

    private async Task<IStorage> Open(ZfsPool pool) => await pool.Open(Faults);
}
