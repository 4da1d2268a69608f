using System.Security.Cryptography;
using System.Text;

namespace Dotmesh.Actors.Replication;

/// <summary>
/// Which nodes hold a dot's copies (design D8): each node computes the same from the same members, so nobody has to be asked,
/// and a node that comes or goes changes the place of few dots.
/// </summary>
internal static class ReplicaPlacement
{
    /// <summary>As many copies as there are nodes.</summary>
    public const int All = 0;

    /// <param name="copies">The controlling node's included; <see cref="All"/>: every node.</param>
    public static bool IsHolder(
        StorageNodeId node, FilesystemId dot, StorageNodeId controlling, int copies, IReadOnlyCollection<StorageNodeId> nodes) =>
        node != controlling
        && (copies == All || nodes.Where(other => other != controlling)
            .OrderByDescending(other => Weight(dot, other)).Take(copies - 1).Contains(node));

    public static ulong Weight(FilesystemId dot, StorageNodeId node) =>
        BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes($"{dot}/{node}")));
}
