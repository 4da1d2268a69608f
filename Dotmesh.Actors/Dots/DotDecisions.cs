using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Dots;

/// <summary>What the pool has and the journal does not know, and the other way round.</summary>
/// <param name="Unknown">Filesystems of this dot that the journal does not know.</param>
/// <param name="Missing">Filesystems that the journal knows and the pool does not have.</param>
internal sealed record PoolComparison(
    ImmutableArray<FilesystemChange> Changes,
    ImmutableArray<StoredFilesystem> Unknown,
    ImmutableArray<FilesystemId> Missing);

/// <summary>The pure half of the dot: no clock, no id, no I/O; the same input gives the same answer.</summary>
internal static class DotDecisions
{
    private const int LongestName = 64;

    /// <summary>How a branch is named in texts: <c>ns/name</c> or <c>ns/name@branch</c>.</summary>
    public static string Where(DotState state, BranchState branch) =>
        branch.Name.Length == 0 ? $"{state.Name}" : $"{state.Name}@{branch.Name}";

    public static Outcome<BranchState> Find(DotState state, FilesystemId filesystem)
    {
        if (state.Phase is DotPhase.Absent or DotPhase.Deleting or DotPhase.Deleted)
        {
            return state.Phase == DotPhase.Absent
                ? Refusals.NoSuchFilesystem(filesystem)
                : Refusals.NoSuchDot(state.Name);
        }

        return state.Filesystems.GetValueOrDefault(filesystem) is { } branch
            ? branch
            : Refusals.NoSuchFilesystem(filesystem);
    }

    public static Outcome<BranchState> NewCommit(DotState state, FilesystemId filesystem, CommitId commit) =>
        Find(state, filesystem).Then<BranchState>(branch => branch.Commits.Contains(commit)
            ? Refusals.CommitExists(commit, Where(state, branch))
            : branch);

    /// <summary>For whatever starts at an existing commit: rollback, branch, stash.</summary>
    public static Outcome<BranchState> KnownCommit(DotState state, FilesystemId filesystem, CommitId commit) =>
        Find(state, filesystem).Then<BranchState>(branch => branch.Commits.Contains(commit)
            ? branch
            : Refusals.NoSuchCommit(commit, Where(state, branch)));

    public static Outcome<BranchState> NewBranch(DotState state, FilesystemId source, CommitId at, string name)
    {
        if (Names.CheckBranch(name) is { } malformed)
        {
            return malformed;
        }

        return name switch
        {
            "" => new Refusal(RefusalCode.Invalid, "branch cannot be empty"),
            "master" => Refusals.MasterIsReserved(),
            _ when state.FindBranch(name) is not null => Refusals.BranchExists(name, state.Name),
            _ => KnownCommit(state, source, at),
        };
    }

    /// <summary>Commits of another cluster: into a filesystem that is here, or as a new branch.</summary>
    /// <returns>What the filesystem is labelled with.</returns>
    public static Outcome<FilesystemLabels> Arriving(DotState state, StreamRange range, string branch)
    {
        if (Find(state, range.Filesystem) is { Refusal: null, Value: { } there })
        {
            return range.From?.Filesystem == range.Filesystem
                ? state.Labels(there.Name)
                : new Refusal(
                    RefusalCode.Conflict, $"Filesystem {range.Filesystem} is here already: only commits after its newest one can be received.");
        }

        if (range.From is not { } origin || origin.Filesystem == range.Filesystem)
        {
            return Refusals.NoSuchFilesystem(range.Filesystem);
        }

        return NewBranch(state, origin.Filesystem, origin.Commit, branch).Then<FilesystemLabels>(_ => state.Labels(branch));
    }

    /// <summary>
    /// Contract 5.7, <c>master-DIVERGED-2019-03-04T10-20-30Z</c>: cut so that it stays a valid name, numbered when two
    /// stashes fall into one second.
    /// </summary>
    public static string StashName(DotState state, BranchState branch, DateTimeOffset now) =>
        StashName(branch.Name, now, name => state.FindBranch(name) is not null);

    /// <inheritdoc cref="StashName(DotState, BranchState, DateTimeOffset)"/>
    public static string StashName(string branch, DateTimeOffset now, Func<string, bool> isTaken)
    {
        var stem = branch.Length == 0 ? "master" : branch;
        var tail = $"-DIVERGED-{now.UtcDateTime:yyyy-MM-dd'T'HH-mm-ss'Z'}";
        for (var n = 1; ; n++)
        {
            var end = n == 1 ? tail : $"{tail}-{n}";
            var name = stem[..Math.Min(stem.Length, LongestName - end.Length)] + end;
            if (!isTaken(name))
            {
                return name;
            }
        }
    }

    public static Outcome<Done> RemoveCollaborator(DotState state, string userId) =>
        state.Collaborators.ContainsKey(userId)
            ? default(Done)
            : new Refusal(RefusalCode.NotFound, $"{userId} is not a collaborator on this dot so cannot remove.");

    /// <summary>
    /// Filesystems that a rollback may have changed: the one itself, and all of the dot when a branch starts at one of
    /// its commits, because the pool may have moved commits between them to keep that branch alive.
    /// </summary>
    public static IEnumerable<FilesystemId> TouchedByRollback(DotState state, FilesystemId filesystem) =>
        state.Filesystems.Values.Any(branch => branch.Origin?.Filesystem == filesystem)
            ? state.Filesystems.Keys
            : [filesystem];

    public static PoolComparison Compare(DotState state, IReadOnlyCollection<StoredFilesystem> pool)
    {
        var changes = ImmutableArray.CreateBuilder<FilesystemChange>();
        var found = pool.ToDictionary(filesystem => filesystem.Id);
        foreach (var branch in state.Filesystems.Values)
        {
            var stored = found.GetValueOrDefault(branch.Id);
            ImmutableArray<CommitId> ids = stored is null ? [] : [.. stored.Commits.Select(commit => commit.Id)];
            var change = new FilesystemChange(
                branch.Id,
                branch.Origin is not null && stored?.Origin is { } origin && origin != branch.Origin ? origin : null,
                [.. ids.Where(id => !branch.Commits.Contains(id))],
                [.. branch.Commits.Except(ids)]);
            if (change.Origin is not null || change.Added.Length > 0 || change.Removed.Length > 0)
            {
                changes.Add(change);
            }
        }

        return new PoolComparison(
            changes.ToImmutable(),
            [.. pool.Where(filesystem => !state.Filesystems.ContainsKey(filesystem.Id))],
            [.. state.Filesystems.Keys.Where(id => !found.ContainsKey(id))]);
    }

    /// <summary>A free, valid name for a filesystem found in the pool, as near as can be to what its label says.</summary>
    public static string AdoptedName(DotState state, StoredFilesystem found)
    {
        var wanted = found.Labels?.Branch ?? "";
        if (wanted.Length > 0 && wanted != "master" && Names.CheckBranch(wanted) is null && state.FindBranch(wanted) is null)
        {
            return wanted;
        }

        return $"recovered-{found.Id}";
    }

    /// <summary>Where an adopted branch starts: as the pool says; without that, at the master branch's id.</summary>
    public static CommitOrigin AdoptedOrigin(DotState state, StoredFilesystem found) =>
        found.Origin ?? new CommitOrigin(state.Id, found.Commits.IsEmpty ? new CommitId("") : found.Commits[0].Id);

    /// <summary>Those that nothing else starts from come first.</summary>
    public static IReadOnlyList<FilesystemId> LeavesFirst(IReadOnlyDictionary<FilesystemId, CommitOrigin?> origins)
    {
        return [.. origins.Keys.OrderByDescending(id => Depth(id)).ThenBy(id => id.Value, StringComparer.Ordinal)];

        int Depth(FilesystemId id)
        {
            var depth = 0;
            var at = id;
            while (depth <= origins.Count && origins.GetValueOrDefault(at) is { } origin)
            {
                depth++;
                at = origin.Filesystem;
            }

            return depth;
        }
    }
}
