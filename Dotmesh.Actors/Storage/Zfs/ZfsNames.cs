namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>Names of datasets and paths. A filesystem's temporaries carry a colon, which no filesystem id has.</summary>
internal sealed class ZfsNames(string pool, string mountPrefix)
{
    public string Pool { get; } = pool;

    public string Parent { get; } = $"{pool}/dmfs";

    public string Mounts { get; } = Path.Combine(mountPrefix, "dmfs");

    public string Dataset(FilesystemId id) => $"{Parent}/{id}";

    public string Snapshot(FilesystemId id, CommitId commit) => $"{Parent}/{id}@{commit}";

    /// <summary>Where a filesystem waits while a rollback replaces it.</summary>
    public string RollbackOf(FilesystemId id) => $"{Parent}/{id}:rollback";

    public string ReceiveOf(FilesystemId id) => $"{Parent}/{id}:receive";

    /// <summary>For the moment in which it is made sure that nothing holds a filesystem any more.</summary>
    public string ReleaseOf(FilesystemId id) => $"{Parent}/{id}:release";

    public string DestroyOf(FilesystemId id) => $"{Parent}/{id}:destroy";

    /// <summary>Read-only clone of a commit, where commits cannot be mounted themselves.</summary>
    public string ViewOf(FilesystemId id, CommitId commit) => $"{Parent}/{id}:view:{commit}";

    public string PathOf(FilesystemId id) => Path.Combine(Mounts, id.Value);

    public string PathOf(FilesystemId id, CommitId commit) => Path.Combine(Mounts, $"{id}@{commit}");

    /// <summary>The part after the parent: <c>ID</c>, <c>ID:receive</c>, <c>ID@COMMIT</c>; null for anything else.</summary>
    public string? Local(string name) =>
        name.Length > Parent.Length + 1 && name[Parent.Length] == '/' && name.StartsWith(Parent, StringComparison.Ordinal)
        && !name.AsSpan(Parent.Length + 1).Contains('/')
            ? name[(Parent.Length + 1)..]
            : null;

    /// <summary>The filesystem of a dataset name; null when it is a temporary or not ours.</summary>
    public FilesystemId? FilesystemOf(string dataset) =>
        Local(dataset) is { } local && local.IndexOfAny([':', '@', '#']) < 0 ? new FilesystemId(local) : null;

    /// <summary>Filesystem and commit of a snapshot's name.</summary>
    public CommitOrigin? CommitOf(string snapshot)
    {
        var at = snapshot.IndexOf('@');
        return at > 0 && Local(snapshot[..at]) is { } local
            ? new CommitOrigin(new FilesystemId(local), new CommitId(snapshot[(at + 1)..]))
            : null;
    }
}
