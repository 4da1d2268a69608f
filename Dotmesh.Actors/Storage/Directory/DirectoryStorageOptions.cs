namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Where and how the <c>directory</c> driver keeps its pool.</summary>
public sealed record DirectoryStorageOptions
{
    /// <summary>Folder of the pool; made when missing. One node at a time.</summary>
    public required string Root { get; init; }

    /// <summary>Live files appear below <c>MountPrefix/dmfs</c>. Default: <c>mnt</c> inside the root.</summary>
    public string? MountPrefix { get; init; }

    /// <summary>
    /// How many tree nodes (files and folders, about 200 bytes each) are kept in memory. Default 600,000: that holds
    /// 10,000 small filesystems of ten commits each, whose sizes are then told without reading their manifests again.
    /// </summary>
    public int CachedEntries { get; init; } = 600_000;
}
