using System.Collections.Immutable;
using Dotmesh.Actors.Gateway;

namespace Dotmesh.Rpc.Wire;

/// <param name="Moved">Dots that other nodes control now.</param>
/// <param name="Left">Dots that are still there.</param>
/// <param name="Reasons">Why, for the first few.</param>
public sealed record DrainReply(int Moved, int Left, ImmutableArray<string> Reasons);

/// <summary>An option of a node as it took effect.</summary>
/// <param name="Name"><c>Section:Name</c>.</param>
/// <param name="Value">With its unit; a secret is masked.</param>
/// <param name="Source"><c>default</c>, a file, a variable, <c>command line</c>.</param>
/// <param name="About">What it is for.</param>
public sealed record WireSetting(string Name, string Value, string Source, string About);

/// <summary>A node of the cluster.</summary>
/// <param name="State"><c>up</c>, <c>away</c> (nobody reaches it) or <c>left</c> (stopped in order).</param>
/// <param name="Dots">How many it controls.</param>
/// <param name="Filesystems">How many it holds, copies included; 0, as the rest, of a node that does not answer.</param>
/// <param name="Database"><c>up</c>, or <c>away</c> when the node does not reach it; empty of a node that does not answer, or is of an older version.</param>
public sealed record WireNode(
    string Id, ImmutableArray<string> Addresses, string State, string Version, int Dots, int Filesystems, string Storage, string Pool,
    string PoolHealth, long PoolSizeBytes, long PoolFreeBytes, string Database)
{
    public static WireNode From(NodeReport node) => new(
        node.Id.Value, node.Addresses,
        node.Standing switch { NodeStanding.Up => "up", NodeStanding.Left => "left", _ => "away" },
        node.Said?.Version ?? "", node.Dots, node.Said?.Filesystems ?? 0, node.Said?.Driver ?? "", node.Said?.Pool.Name ?? "",
        node.Said?.Pool.Health ?? "", node.Said?.Pool.SizeBytes ?? 0, node.Said?.Pool.FreeBytes ?? 0,
        node.Said?.HasDatabase is not { } hasDatabase ? "" : hasDatabase ? "up" : "away");
}
