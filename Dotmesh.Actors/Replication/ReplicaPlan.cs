using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Replication;

/// <summary>One step that brings a replica nearer to what the controlling node has.</summary>
internal abstract record ReplicaStep
{
    public sealed record Rollback(FilesystemId Filesystem, CommitId To) : ReplicaStep;

    public sealed record Destroy(FilesystemId Filesystem) : ReplicaStep;

    /// <summary>A branch without commits of its own: there is nothing to send.</summary>
    public sealed record Branch(CommitOrigin Origin, FilesystemId Filesystem, FilesystemLabels Labels) : ReplicaStep;

    /// <param name="Commits">What the stream brings, oldest first.</param>
    public sealed record Receive(StreamRange Range, FilesystemLabels Labels, ImmutableArray<StoredCommit> Commits) : ReplicaStep;

    public sealed record Relabel(FilesystemId Filesystem, FilesystemLabels Labels) : ReplicaStep;

    /// <summary>What was here when the question was asked is not any more: the answer left out what is needed now.</summary>
    public sealed record AskAgain : ReplicaStep;
}

/// <summary>
/// How a replica becomes what the controlling node has: pure, one step at a time, because a rollback or a promotion may change
/// more filesystems than the one it was asked for. First what is too much goes (commits that were rolled back, filesystems
/// that are gone or start elsewhere now), then what is missing is fetched, origins before their branches.
/// </summary>
internal static class ReplicaPlan
{
    /// <param name="here">All filesystems of the dot on this node, by id.</param>
    /// <param name="package">Commits that one stream brings at most: what was received stays when the next one breaks off.</param>
    /// <returns>Null: the replica is complete.</returns>
    public static ReplicaStep? Next(DotHoldings there, IReadOnlyDictionary<FilesystemId, StoredFilesystem> here, int package)
    {
        var ordered = OriginsFirst(there);
        return Surplus(there, ordered, here) ?? Missing(there, ordered, here, package) ?? Labels(there, here);
    }

    /// <summary>How the copy of a filesystem is labelled.</summary>
    /// <remarks>While it is filled it keeps no generation: only a complete copy says how new it is.</remarks>
    public static FilesystemLabels LabelsOf(FilesystemHolding holding, long epoch, long generation = 0) =>
        holding.Labels with { Replica = true, Epoch = epoch, Generation = generation };

    public static bool Same(FilesystemLabels? one, FilesystemLabels other) =>
        one is not null && one.Collaborators.SequenceEqual(other.Collaborators)
        && one with { Collaborators = other.Collaborators } == other;

    private static ReplicaStep? Surplus(
        DotHoldings there, List<FilesystemHolding> ordered, IReadOnlyDictionary<FilesystemId, StoredFilesystem> here)
    {
        foreach (var holding in ordered)
        {
            if (!here.TryGetValue(holding.Id, out var copy))
            {
                continue;
            }

            var agreed = Agreed(holding, copy);
            if (agreed > 0 && copy.Commits.Length > agreed)
            {
                return new ReplicaStep.Rollback(holding.Id, copy.Commits[agreed - 1].Id);
            }
        }

        foreach (var holding in ordered)
        {
            if (here.TryGetValue(holding.Id, out var copy) && MustGo(holding, copy))
            {
                return DestroyLeaf(holding.Id, here);
            }
        }

        var kept = there.Filesystems.Select(holding => holding.Id).ToHashSet();
        var gone = here.Keys.Where(id => !kept.Contains(id)).OrderBy(id => id.Value, StringComparer.Ordinal).ToList();
        return gone.Count > 0 ? DestroyLeaf(gone[0], here) : null;
    }

    /// <summary>It has nothing in common, starts elsewhere, or is an empty branch that a stream cannot extend.</summary>
    private static bool MustGo(FilesystemHolding holding, StoredFilesystem copy) =>
        copy.Origin != holding.Origin
        || (Agreed(holding, copy) == 0 && (copy.Commits.Length > 0 || (holding.Count > 0 && holding.Origin is not null)));

    private static ReplicaStep? Missing(
        DotHoldings there, List<FilesystemHolding> ordered, IReadOnlyDictionary<FilesystemId, StoredFilesystem> here, int package)
    {
        foreach (var holding in ordered)
        {
            var copy = here.GetValueOrDefault(holding.Id);
            var labels = LabelsOf(holding, there.Epoch);
            if (copy is null && holding is { Count: 0, Origin: { } start })
            {
                return new ReplicaStep.Branch(start, holding.Id, labels);
            }

            var have = copy?.Commits.Length ?? 0;
            if (have >= holding.Count)
            {
                continue;
            }

            if (have < holding.Common)
            {
                return new ReplicaStep.AskAgain();
            }

            ImmutableArray<StoredCommit> next = [.. holding.Commits.Skip(have - holding.Common).Take(package)];
            var from = have == 0 ? holding.Origin : new CommitOrigin(holding.Id, copy!.Commits[^1].Id);
            return new ReplicaStep.Receive(new StreamRange(holding.Id, from, next[^1].Id), labels, next);
        }

        return null;
    }

    private static ReplicaStep.Relabel? Labels(DotHoldings there, IReadOnlyDictionary<FilesystemId, StoredFilesystem> here) =>
        there.Filesystems
            .Where(holding => here.TryGetValue(holding.Id, out var copy) && !Same(copy.Labels, LabelsOf(holding, there.Epoch, there.Generation)))
            .Select(holding => new ReplicaStep.Relabel(holding.Id, LabelsOf(holding, there.Epoch, there.Generation)))
            .FirstOrDefault();

    /// <summary>How many first commits are the same: by id, and by GUID where both sides know it (design D5).</summary>
    public static int Agreed(FilesystemHolding holding, StoredFilesystem copy)
    {
        var agreed = Math.Min(copy.Commits.Length, holding.Common);
        while (agreed < copy.Commits.Length && agreed < holding.Count
            && SameCommit(copy.Commits[agreed], holding.Commits[agreed - holding.Common]))
        {
            agreed++;
        }

        return agreed;
    }

    private static bool SameCommit(StoredCommit one, StoredCommit other) =>
        one.Id == other.Id && (one.Guid == other.Guid || one.Guid == 0 || other.Guid == 0);

    /// <summary>What stands on it goes before it.</summary>
    private static ReplicaStep.Destroy DestroyLeaf(FilesystemId id, IReadOnlyDictionary<FilesystemId, StoredFilesystem> here)
    {
        for (var seen = new HashSet<FilesystemId>(); seen.Add(id);)
        {
            var dependent = here.Values.FirstOrDefault(filesystem => filesystem.Origin?.Filesystem == id);
            if (dependent is null)
            {
                break;
            }

            id = dependent.Id;
        }

        return new ReplicaStep.Destroy(id);
    }

    private static List<FilesystemHolding> OriginsFirst(DotHoldings there)
    {
        var byId = there.Filesystems.ToDictionary(holding => holding.Id);
        var ordered = new List<FilesystemHolding>();
        var seen = new HashSet<FilesystemId>();
        void Visit(FilesystemHolding holding)
        {
            if (!seen.Add(holding.Id))
            {
                return;
            }

            if (holding.Origin is { } origin && byId.TryGetValue(origin.Filesystem, out var parent))
            {
                Visit(parent);
            }

            ordered.Add(holding);
        }

        foreach (var holding in there.Filesystems)
        {
            Visit(holding);
        }

        return ordered;
    }
}
