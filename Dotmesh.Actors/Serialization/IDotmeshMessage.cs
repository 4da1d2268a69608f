namespace Dotmesh.Actors.Serialization;

/// <summary>
/// Marks what may cross a node's border or is stored in the journal. Bound to <see cref="DotmeshSerializer"/>; each
/// concrete type has a manifest in <see cref="Manifests"/>.
/// </summary>
public interface IDotmeshMessage;
