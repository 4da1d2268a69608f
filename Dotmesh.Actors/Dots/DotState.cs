using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Dots;

/// <summary>Where a dot is in its life, as its journal knows it.</summary>
public enum DotPhase
{
    /// <summary>No event yet: never created, or the journal was lost.</summary>
    Absent,

    /// <summary>Usable.</summary>
    Active,

    /// <summary>A rollback or stash was begun and has not ended.</summary>
    Changing,

    /// <summary>Being destroyed; only a repeated deletion goes on from here.</summary>
    Deleting,

    /// <summary>Destroyed; nothing happens after it.</summary>
    Deleted,
}

/// <param name="Name"><c>""</c> for the master branch.</param>
/// <param name="Origin">Null for the master branch.</param>
public sealed record BranchState(string Name, FilesystemId Id, CommitOrigin? Origin, ImmutableHashSet<CommitId> Commits);

/// <summary>A rollback (<paramref name="Stash"/> null) or stash that was begun.</summary>
public sealed record BegunChange(FilesystemId Filesystem, CommitId To, string? Branch, FilesystemId? Stash, string By);

/// <summary>What the events of a dot add up to. Immutable; <see cref="Apply"/> is the only way forward.</summary>
public sealed record DotState
{
    public static readonly DotState Absent = new();

    public DotPhase Phase { get; init; }

    public FilesystemId Id { get; init; }

    public DotName Name { get; init; }

    public string OwnerId { get; init; } = "";

    public string OwnerName { get; init; } = "";

    public StorageNodeId Node { get; init; }

    public long Epoch { get; init; }

    public ImmutableSortedDictionary<string, string> Collaborators { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>By filesystem id, master included.</summary>
    public ImmutableDictionary<FilesystemId, BranchState> Filesystems { get; init; } =
        ImmutableDictionary<FilesystemId, BranchState>.Empty;

    public BegunChange? Begun { get; init; }

    /// <inheritdoc cref="DotRow.Generation"/>
    public long Generation { get; init; }

    /// <summary>Somebody took commits away (rollback, stash) since this node was given control: copies of before are not newer for it.</summary>
    public bool CutSinceTaken { get; init; }

    public BranchState? FindBranch(string name) =>
        Filesystems.Values.FirstOrDefault(branch => string.Equals(branch.Name, name, StringComparison.Ordinal));

    /// <inheritdoc cref="DotRow.Copies"/>
    public int Copies { get; init; }

    public DotState Apply(DotEvents.Event happened) => happened switch
    {
        DotEvents.Created e => Begin(e.Dot, e.Name, e.OwnerId, e.OwnerName, e.Node, e.Epoch, e.Commits),
        DotEvents.Adopted e => Begin(e.Dot, e.Name, e.OwnerId, e.OwnerName, e.Node, e.Epoch, e.Commits) with
        {
            Collaborators = e.Collaborators,
        },
        DotEvents.Committed e => WithCommits(e.Filesystem, [e.Commit]),
        DotEvents.CommitsAdopted e => WithCommits(e.Filesystem, e.Commits),
        DotEvents.CommitsLost e => WithoutCommits(e.Filesystem, e.Commits).Shortened(),
        DotEvents.Branched e => WithBranch(new BranchState(e.Branch, e.Filesystem, e.Origin, [])),
        DotEvents.BranchAdopted e => WithBranch(new BranchState(e.Branch, e.Filesystem, e.Origin, [.. e.Commits])),
        DotEvents.RollbackBegun e => Move(DotPhase.Changing) with
        {
            Begun = new BegunChange(e.Filesystem, e.To, null, null, e.By),
        },
        DotEvents.StashBegun e => Move(DotPhase.Changing) with
        {
            Begun = new BegunChange(e.Filesystem, e.To, e.Branch, e.Stash, e.By),
        },
        DotEvents.RolledBack e => With(e.Changes).Settled().Shortened().Cut(),
        DotEvents.Stashed e => With(e.Changes)
            .WithBranch(new BranchState(e.Branch, e.Stash, new CommitOrigin(e.Filesystem, e.To), [.. e.Commits]))
            .Settled().Shortened().Cut(),
        DotEvents.ChangeAbandoned e => With(e.Changes).Settled().Shortened(),
        DotEvents.DeletionBegun => Move(DotPhase.Deleting) with { Begun = null },
        DotEvents.Deleted => Move(DotPhase.Deleted),
        DotEvents.ControlTaken e => this with { Node = e.Node, Epoch = e.Epoch, CutSinceTaken = false },
        DotEvents.Renamed e => Called(e.Name, e.OwnerId, e.OwnerName, e.Collaborators),
        DotEvents.ReplicationSet e => this with { Copies = e.Copies },
        DotEvents.CollaboratorAdded e => this with { Collaborators = Collaborators.SetItem(e.UserId, e.UserName) },
        DotEvents.CollaboratorRemoved e => this with { Collaborators = Collaborators.Remove(e.UserId) },
        _ => throw new InvalidOperationException($"dot {Id}: no meaning for the event {happened.GetType().Name}"),
    };

    /// <summary>The directory's row: a projection of this state.</summary>
    public DotRow Row() => new(
        Id, Name, OwnerId, OwnerName, Node, Epoch, Status(), Collaborators,
        Filesystems.Values.Where(branch => branch.Origin is not null)
            .ToImmutableSortedDictionary(b => b.Name, b => new BranchRow(b.Name, b.Id, b.Origin!), StringComparer.Ordinal))
    {
        Generation = Generation,
        Copies = Copies,
    };

    /// <summary>What the pool keeps about one of the filesystems.</summary>
    public FilesystemLabels Labels(string branch) => new(
        Id, Name, branch, OwnerId, OwnerName,
        branch.Length == 0 ? Collaborators : ImmutableSortedDictionary<string, string>.Empty)
    {
        Epoch = Epoch,
    };

    /// <summary>The same dot under another name.</summary>
    public DotState Called(
        DotName name, string ownerId, string ownerName, ImmutableSortedDictionary<string, string> collaborators) => this with
        {
            Name = name,
            OwnerId = ownerId,
            OwnerName = ownerName,
            Collaborators = collaborators,
        };

    private DotStatus Status() => Phase switch
    {
        DotPhase.Active => DotStatus.Active,
        DotPhase.Changing => DotStatus.Changing,
        DotPhase.Deleting or DotPhase.Deleted => DotStatus.Deleting,
        _ => DotStatus.Creating,
    };

    private DotState Begin(
        FilesystemId dot, DotName name, string ownerId, string ownerName, StorageNodeId node, long epoch,
        ImmutableArray<CommitId> commits) => (Phase == DotPhase.Deleted ? Absent : this).Move(DotPhase.Active) with
        {
            // of a dot that was deleted and came back from another cluster nothing is left but the number
            Generation = Generation,
            Id = dot,
            Name = name,
            OwnerId = ownerId,
            OwnerName = ownerName,
            Node = node,
            Epoch = epoch,
            Filesystems = Filesystems.SetItem(dot, new BranchState("", dot, null, [.. commits])),
        };

    private DotState Cut() => this with { CutSinceTaken = true };

    private DotState Shortened() => this with { Generation = Generation + 1 };

    private DotState Settled() => Move(DotPhase.Active) with { Begun = null };

    /// <summary>The only place where the phase changes; an impossible change is a bug and throws.</summary>
    private DotState Move(DotPhase to)
    {
        var possible = (Phase, to) switch
        {
            (DotPhase.Absent, DotPhase.Active) => true,
            (DotPhase.Active, DotPhase.Changing or DotPhase.Deleting) => true,
            (DotPhase.Changing, DotPhase.Active or DotPhase.Deleting) => true,
            (DotPhase.Deleting, DotPhase.Active or DotPhase.Deleted) => true,
            _ => false,
        };
        return possible
            ? this with { Phase = to }
            : throw new InvalidOperationException($"dot {Id}: no way from {Phase} to {to}");
    }

    private DotState With(ImmutableArray<FilesystemChange> changes)
    {
        var next = this;
        foreach (var change in changes)
        {
            next = next.WithoutCommits(change.Filesystem, change.Removed).WithCommits(change.Filesystem, change.Added);
            if (change.Origin is not null && next.Filesystems.GetValueOrDefault(change.Filesystem) is { Origin: not null } branch)
            {
                next = next.WithBranch(branch with { Origin = change.Origin });
            }
        }

        return next;
    }

    private DotState WithBranch(BranchState branch) =>
        this with { Filesystems = Filesystems.SetItem(branch.Id, branch) };

    private DotState WithCommits(FilesystemId filesystem, IEnumerable<CommitId> commits) =>
        Filesystems.GetValueOrDefault(filesystem) is { } branch
            ? WithBranch(branch with { Commits = branch.Commits.Union(commits) })
            : this;

    private DotState WithoutCommits(FilesystemId filesystem, IEnumerable<CommitId> commits) =>
        Filesystems.GetValueOrDefault(filesystem) is { } branch
            ? WithBranch(branch with { Commits = branch.Commits.Except(commits) })
            : this;
}
