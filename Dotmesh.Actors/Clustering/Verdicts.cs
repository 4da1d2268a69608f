namespace Dotmesh.Actors.Clustering;

/// <summary>
/// What a node makes of the others from what it knows: pure. Wrong suspicions cost a question to the database, which has the
/// last word (<see cref="NodeRegistry.PutOut"/>).
/// </summary>
internal static class Verdicts
{
    /// <summary>Whether the process behind a member may have lost its lease.</summary>
    /// <param name="row">Of its storage node, as of the last renewal.</param>
    /// <param name="left">Of the lease in that row.</param>
    /// <param name="reachable">
    /// One that answers but does not renew has lost the database, and refuses already. It gets as long again, because it may find
    /// it a moment later than we did.
    /// </param>
    public static bool MayBeOut(NodeRecord? row, string incarnation, TimeSpan left, bool reachable, TimeSpan ttl) =>
        row is null || row.Incarnation != incarnation || left < (reachable ? -ttl : TimeSpan.Zero);

    /// <summary>
    /// Whether the others will give this node's dots to somebody else: its lease is out and it sees less than half of the cluster. A
    /// database that is away for all is no reason to stop those who write.
    /// </summary>
    /// <param name="members">All that are up, reachable or not, this one among them.</param>
    public static bool IsCutOff(bool overdue, int reachable, int members) => overdue && reachable * 2 < members;

    /// <summary>
    /// The node that entered before this one, is alive, and is in another cluster: then this one is in the wrong one. It joined a
    /// member that had lost its place and did not know yet. Who is still being let in is no member anywhere.
    /// </summary>
    /// <param name="known">All rows; the own one among them.</param>
    /// <param name="isMember">Whether that process of that node is a member here, reachable or not.</param>
    public static NodeRecord? Elsewhere(
        IReadOnlyList<NodeRecord> known, StorageNodeId self, Func<NodeRecord, TimeSpan> left, Func<NodeRecord, bool> isMember) =>
        known.FirstOrDefault(node => node.Id == self) is { Entered: > 0 } own
            ? known.FirstOrDefault(node =>
                node.Id != self && node is { State: NodeState.Up, Entered: > 0 } && node.Entered < own.Entered
                && left(node) > TimeSpan.Zero && !isMember(node))
            : null;
}
