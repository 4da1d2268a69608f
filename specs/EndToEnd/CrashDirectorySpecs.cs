using Dotmesh.Specs.Support;

namespace Dotmesh.Specs.EndToEnd;

public sealed class CrashDirectorySpecs : CrashSpecs
{
    protected override IReadOnlyList<(string Operation, string Point)> DriverPoints { get; } =
    [
        ("create", "directory.create.after-build"),
        ("create", "directory.create.after-mount"),
        ("create", "directory.create.after-publish"),
        ("commit", "directory.commit.after-intent"),
        ("commit", "directory.commit.after-objects"),
        ("commit", "directory.commit.after-manifest"),
        ("commit", "directory.commit.after-record"),
        ("commit", "directory.commit.after-index"),
        ("branch", "directory.branch.after-build"),
        ("branch", "directory.branch.after-objects"),
        ("branch", "directory.branch.after-mount"),
        ("branch", "directory.branch.after-publish"),
        ("rollback", "directory.rollback.after-intent"),
        ("rollback", "directory.rollback.after-promotion"),
        ("rollback", "directory.rollback.after-restore"),
        ("rollback", "directory.rollback.after-log"),
        ("stash", "directory.stash.after-build"),
        ("stash", "directory.stash.after-intent"),
        ("stash", "directory.stash.after-move"),
        ("stash", "directory.stash.after-successor"),
        ("stash", "directory.stash.after-mount"),
        ("stash", "directory.stash.after-labels"),
        ("delete", "directory.destroy.after-unmount"),
        ("delete", "directory.destroy.after-move"),
    ];

    protected override Task<NodeSetup> Setup(string folder) => Task.FromResult(new NodeSetup(folder));
}
