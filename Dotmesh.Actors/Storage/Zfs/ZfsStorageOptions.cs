namespace Dotmesh.Actors.Storage.Zfs;

/// <param name="Pool">Name of an imported pool.</param>
/// <param name="MountPrefix">Filesystems are mounted at <c>MountPrefix/dmfs/ID</c>.</param>
public sealed record ZfsStorageOptions(string Pool, string MountPrefix)
{
    /// <summary>A folder with <c>sbin/zfs</c> and <c>sbin/zpool</c>; null: PATH and the usual folders.</summary>
    public string? ZfsRoot { get; init; }
}
