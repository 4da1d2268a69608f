using System.Collections.Immutable;

namespace Dotmesh.Actors.Clustering;

/// <summary>A node as the table <c>nodes</c> knows it.</summary>
/// <param name="Address">Where its remoting is dialled, <c>host:port</c>; empty until it entered.</param>
/// <param name="Url">Where other nodes reach its streams and queries.</param>
/// <param name="Addresses">What it tells clients about its addresses (contract 3.5).</param>
/// <param name="Incarnation">New at each start of a process.</param>
/// <param name="LeaseLeft">By the database's clock; negative when it has expired.</param>
/// <param name="Entered">Greater than that of everybody who was a member before; 0: it is none yet.</param>
public sealed record NodeRecord(
    StorageNodeId Id, string Address, string Url, ImmutableArray<string> Addresses, string Incarnation, NodeState State,
    TimeSpan LeaseLeft, long Renewals, long Entered)
{
    public bool IsLive => LeaseLeft > TimeSpan.Zero;
}

/// <summary>Where a node is in its life.</summary>
public enum NodeState
{
    /// <summary>It holds its lease and opens its pool.</summary>
    Starting,

    /// <summary>Others may join it.</summary>
    Up,

    /// <summary>It said good-bye.</summary>
    Left,

    /// <summary>Its lease expired and others took it away for good: that process never gets it back.</summary>
    Replaced,
}

/// <summary>What a node says of itself when it takes its lease.</summary>
/// <param name="SecretProof">Says nothing about the secret, and is the same on all nodes that share it.</param>
public sealed record NodeIdentity(StorageNodeId Id, string Incarnation, string Host, string SecretProof);

/// <summary>The cluster does not take this node; the text says why and what to do, and the other nodes log it too.</summary>
public sealed class NodeRefusedException(string message) : Exception(message)
{
    /// <summary>The same node may well be taken later; otherwise somebody has to change something first.</summary>
    public bool Passes { get; init; }
}
