using System.Collections.Immutable;

namespace Dotmesh.Rpc.Wire;

/// <param name="Moved">Dots that other nodes control now.</param>
/// <param name="Left">Dots that are still there.</param>
/// <param name="Reasons">Why, for the first few.</param>
public sealed record DrainReply(int Moved, int Left, ImmutableArray<string> Reasons);
