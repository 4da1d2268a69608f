using System.Collections.Immutable;

namespace Dotmesh.Actors.Directory;

/// <summary>Where a dot is in its life, as the directory knows it.</summary>
public enum DotStatus
{
    /// <summary>The name is reserved, the filesystem may not be there yet. Create with the same name resumes (contract 2.3).</summary>
    Creating,

    /// <summary>Usable.</summary>
    Active,

    /// <summary>A rollback or stash was begun; whoever starts next finishes it (the journal says which).</summary>
    Changing,

    /// <summary>Being destroyed; not listed, the name is held until it is done. Delete or Create with the name finishes it.</summary>
    Deleting,
}

/// <summary>A dot's row (design D2).</summary>
/// <param name="OwnerId">User id.</param>
/// <param name="OwnerName">User name at the time of creation; used when the user is not known (rebuilt directory).</param>
/// <param name="Node">Controlling node.</param>
/// <param name="Epoch">Fencing token, from 1.</param>
/// <param name="Collaborators">User id -> user name.</param>
/// <param name="Branches">Branch name -> row, without master.</param>
public sealed record DotRow(
    FilesystemId Id,
    DotName Name,
    string OwnerId,
    string OwnerName,
    StorageNodeId Node,
    long Epoch,
    DotStatus Status,
    ImmutableSortedDictionary<string, string> Collaborators,
    ImmutableSortedDictionary<string, BranchRow> Branches)
{
    /// <summary>How many nodes are to hold it, the controlling one included; 0: what the cluster's option says (design D8).</summary>
    public int Copies { get; init; }

    /// <summary>How often commits were taken away from it (rollback, stash): of two copies the one that knows more of these is newer.</summary>
    public long Generation { get; init; }

    /// <summary>Of all its branches, the master branch first.</summary>
    public IEnumerable<FilesystemId> Filesystems => Branches.Values.Select(branch => branch.Id).Prepend(Id);

    // methods: a target names its dot, and what prints or compares the properties of a row would walk this circle for ever
    /// <inheritdoc cref="Filesystems"/>
    public IEnumerable<DotTarget> Targets() => Branches.Values.Select(branch => new DotTarget(this, branch.Name, branch.Id)).Prepend(Master());

    public DotTarget Master() => new(this, "", Id);
}

/// <param name="Origin">Direct parent: master or another branch.</param>
public sealed record BranchRow(string Name, FilesystemId Id, Storage.CommitOrigin Origin);

/// <summary>One filesystem as the directory knows it: master (<c>Branch</c> empty) or a branch.</summary>
public sealed record DotTarget(DotRow Dot, string Branch, FilesystemId Filesystem)
{
    public Storage.CommitOrigin? Origin => Branch.Length == 0 ? null : Dot.Branches[Branch].Origin;

    /// <summary>
    /// The branches from the master branch to this one, back along the origins (contract 3.6). Where the directory does not know one of them
    /// they begin after it.
    /// </summary>
    public ImmutableArray<BranchRow> Path()
    {
        var byId = Dot.Branches.Values.ToDictionary(branch => branch.Id);
        var steps = new List<BranchRow>();
        // removed, so that a circle ends the walk too
        for (var at = Filesystem; at != Dot.Id && byId.Remove(at, out var branch); at = branch.Origin.Filesystem)
        {
            steps.Add(branch);
        }

        steps.Reverse();
        return [.. steps];
    }
}

/// <summary>
/// Names, owners, controlling nodes, branches and collaborators (design D2): tables beside the journal, cached whole in
/// memory. Reads are from memory and see this node's own writes; writes go to the database first, then to the cache.
/// </summary>
public interface IDirectory
{
    /// <summary>All dots, in no particular order; a consistent point in time of the cache.</summary>
    IReadOnlyCollection<DotRow> Dots { get; }

    DotRow? Find(DotName name);

    DotRow? Find(FilesystemId dot);

    /// <summary>By the id of any of its filesystems, master or branch.</summary>
    DotTarget? FindFilesystem(FilesystemId filesystem);

    /// <summary>
    /// Inserts a row in <see cref="DotStatus.Creating"/>; the unique index on the name decides. When the name is taken the
    /// row that has it is answered and <c>Reserved</c> is false.
    /// </summary>
    Task<(DotRow Row, bool Reserved)> Reserve(DotRow row, CancellationToken ct);

    /// <summary>Writes the row as a projection of the dot's events (insert or update by id).</summary>
    Task Project(DotRow row, CancellationToken ct);

    /// <summary>Removes the row, frees the name, and remembers for nodes that are away that the dot is gone.</summary>
    Task Remove(FilesystemId dot, CancellationToken ct);

    /// <summary>Those of <paramref name="dots"/> that were deleted.</summary>
    Task<IReadOnlySet<FilesystemId>> Deleted(IReadOnlyCollection<FilesystemId> dots, CancellationToken ct);

    /// <summary>Compare-and-set of control: sets node and epoch+1 where the epoch is still <paramref name="seenEpoch"/>.</summary>
    Task<bool> MoveControl(FilesystemId dot, long seenEpoch, StorageNodeId to, CancellationToken ct);

    /// <summary>Gives the dots of a dead node to others; see <see cref="Clustering.NodeRegistry"/>. Answers how many; none when the node is alive.</summary>
    Task<int> TakeOver(
        StorageNodeId dead, IReadOnlyDictionary<StorageNodeId, IReadOnlyList<FilesystemId>> to, CancellationToken ct);

    /// <summary>Tells of each row of this node's cache that was written or removed, after it was. The watcher must not block or throw.</summary>
    void Watch(Action<FilesystemId> changed);
}
