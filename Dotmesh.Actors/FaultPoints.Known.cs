namespace Dotmesh.Actors;

public static partial class FaultPoints
{
    /// <summary>Points inside the storage drivers; a spec compares them with the sources.</summary>
    public static IReadOnlyList<string> Storage { get; } =
    [
        .. Named("directory.create.after", "build", "mount", "publish"),
        .. Named("directory.commit.after", "intent", "objects", "manifest", "record", "index"),
        .. Named("directory.branch.after", "objects", "build", "mount", "publish"),
        .. Named("directory.rollback.after", "intent", "promotion", "restore", "log"),
        .. Named("directory.stash.after", "build", "intent", "move", "successor", "labels", "mount"),
        .. Named("directory.destroy.after", "unmount", "move"),
        .. Named("directory.receive.after", "begin", "commit", "restore", "mount", "publish"),
        "zfs.create.before", .. Named("zfs.create.after", "create", "subdot"),
        "zfs.commit.before-snapshot", "zfs.commit.after-snapshot",
        "zfs.branch.before", "zfs.branch.after-clone",
        .. Named("zfs.rollback.after", "note", "rollback", "rename", "clone", "promote", "promote-dependent"),
        .. Named("zfs.stash.after", "note", "rename", "clone", "promote", "labels"),
        .. Named("zfs.destroy.after", "unmount", "rename"),
        .. Named("zfs.receive.after", "segment", "stream", "release", "rename"), "zfs.receive.before-files", "zfs.receive.before-rename",
    ];

    private static HashSet<string> Known { get; } =
        [.. All, .. Storage, PartialFailCreateFilesystem, PartialFailDelete];

    /// <summary>
    /// Null for a point that the program has; else a text with the one that may have been meant. Arming a name that nothing
    /// hits would let a test pass that tests nothing.
    /// </summary>
    public static string? CheckName(string name) => Known.Contains(name) ? null
        : Spelling.Closest(name, Known) is { } meant ? $"Unknown fault point {name}. Did you mean {meant}?"
        : $"Unknown fault point {name}. Dotmesh.Actors/FaultPoints.cs has them all.";

    private static IEnumerable<string> Named(string prefix, params string[] steps) => steps.Select(step => $"{prefix}-{step}");
}
