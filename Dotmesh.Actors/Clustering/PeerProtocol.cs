using System.Collections.Immutable;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Serialization;

namespace Dotmesh.Actors.Clustering;

/// <summary>What the <see cref="PeerActor"/>s of the nodes say to each other: short messages only, bulk goes by HTTP.</summary>
public static class PeerProtocol
{
    public abstract record Message : IDotmeshMessage;

    /// <summary>Rows that the sender wrote; read them again. -> <see cref="RowsRead"/></summary>
    public sealed record RowsChanged(ImmutableArray<RowChange> Changes) : Message;

    /// <summary>The caches have them, or will read everything anew.</summary>
    public sealed record RowsRead : Message;

    /// <summary>From the controlling node: the dot has something new. One that is lost is found by the next comparison.</summary>
    public sealed record DotChanged(FilesystemId Dot) : Message;
}
