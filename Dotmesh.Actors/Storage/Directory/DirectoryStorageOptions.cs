namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Where and how the <c>directory</c> driver keeps its pool.</summary>
public sealed record DirectoryStorageOptions
{
    /// <summary>Folder of the pool; made when missing. One node at a time.</summary>
    public required string Root { get; init; }

    /// <summary>Live files appear below <c>MountPrefix/dmfs</c>. Default: <c>mnt</c> inside the root.</summary>
    public string? MountPrefix { get; init; }

    /// <summary>How many tree nodes (files and folders, about 200 bytes each) are kept in memory. Default 200,000.</summary>
    public int CachedEntries { get; init; } = 200_000;
}
