using System.Collections.Immutable;
using Dotmesh.Actors.Directory;

namespace Dotmesh.Actors.Replication;

/// <summary>Who takes the dots of a node that is dead: pure (design D9).</summary>
internal static class TakeoverPlan
{
    /// <param name="dots">Those of the dead node.</param>
    /// <param name="held">What each live node holds of their filesystems.</param>
    /// <returns>Without the dots of which nobody has a copy: they wait for their node.</returns>
    public static ImmutableDictionary<StorageNodeId, IReadOnlyList<FilesystemId>> Choose(
        IEnumerable<DotRow> dots, IReadOnlyDictionary<StorageNodeId, ImmutableArray<HeldFilesystem>> held)
    {
        var byNode = held.ToDictionary(node => node.Key, node => node.Value.ToDictionary(filesystem => filesystem.Id));
        return dots
            .Select(row => (row.Id, To: Newest(row, byNode)))
            .Where(choice => choice.To is not null)
            .GroupBy(choice => choice.To!.Value, choice => choice.Id)
            .ToImmutableDictionary(node => node.Key, node => (IReadOnlyList<FilesystemId>)[.. node]);
    }

    /// <summary>By epoch, then generation, then commits; among equals as <see cref="ReplicaPlacement"/> spreads them.</summary>
    private static StorageNodeId? Newest(DotRow row, Dictionary<StorageNodeId, Dictionary<FilesystemId, HeldFilesystem>> held)
    {
        var copies = held.Where(node => node.Value.GetValueOrDefault(row.Id) is { Count: > 0 }).ToList();
        return copies.Count == 0
            ? null
            : copies
                .OrderByDescending(node => node.Value[row.Id].Epoch)
                .ThenByDescending(node => node.Value[row.Id].Generation)
                .ThenByDescending(node => Commits(row, node.Value))
                .ThenByDescending(node => ReplicaPlacement.Weight(row.Id, node.Key))
                .First().Key;
    }

    private static int Commits(DotRow row, Dictionary<FilesystemId, HeldFilesystem> held) => row.Branches.Values
        .Select(branch => branch.Id).Append(row.Id).Sum(id => held.GetValueOrDefault(id)?.Count ?? 0);
}
