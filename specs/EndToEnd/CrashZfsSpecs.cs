using Dotmesh.Specs.Support;

namespace Dotmesh.Specs.EndToEnd;

public sealed class CrashZfsSpecs : CrashSpecs
{
    private ZfsPool? _pool;

    protected override IReadOnlyList<(string Operation, string Point)> DriverPoints { get; } =
    [
        ("create", "zfs.create.before"),
        ("create", "zfs.create.after-create"),
        ("create", "zfs.create.after-subdot"),
        ("commit", "zfs.commit.before-snapshot"),
        ("commit", "zfs.commit.after-snapshot"),
        ("branch", "zfs.branch.before"),
        ("branch", "zfs.branch.after-clone"),
        ("rollback", "zfs.rollback.after-note"),
        ("rollback", "zfs.rollback.after-rollback"),
        ("rollback", "zfs.rollback.after-rename"),
        ("rollback", "zfs.rollback.after-clone"),
        ("rollback", "zfs.rollback.after-promote"),
        ("rollback", "zfs.rollback.after-promote-dependent"),
        ("stash", "zfs.stash.after-note"),
        ("stash", "zfs.stash.after-rename"),
        ("stash", "zfs.stash.after-clone"),
        ("stash", "zfs.stash.after-promote"),
        ("stash", "zfs.stash.after-labels"),
        ("delete", "zfs.destroy.after-unmount"),
        ("delete", "zfs.destroy.after-rename"),
    ];

    protected override IReadOnlyList<string> WithoutLater { get; } = ["zfs.rollback.after-rollback"];

    protected override async Task<NodeSetup> Setup(string folder)
    {
        Lanes.Require(Lanes.Zfs);
        _pool = await ZfsPool.Create();
        return new NodeSetup(folder, _pool.Name);
    }

    protected override async Task Cleanup()
    {
        if (_pool is not null)
        {
            await _pool.DisposeAsync();
        }
    }
}
