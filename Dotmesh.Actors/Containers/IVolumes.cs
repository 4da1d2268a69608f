namespace Dotmesh.Actors.Containers;

/// <param name="Name">As the engine asks for it.</param>
/// <param name="Mountpoint">Where it is or would be on this node's host.</param>
public sealed record VolumeView(string Name, string Mountpoint);

/// <summary>
/// Dots as the volumes of a container engine (contract 8.1); every call acts as admin. What engines ask all the time is answered from
/// memory.
/// </summary>
public interface IVolumes
{
    /// <summary>All dots by their plain names, and what was made with options; from memory.</summary>
    IEnumerable<VolumeView> List();

    /// <summary>
    /// From memory. A dot that was deleted is still a volume for the engine as long as it has a stopped container with it, or the engine would
    /// refuse the name until that is removed (behaviour 54); its mount makes the dot anew. Refused:
    /// <c>Error getting volume: No such top-level filesystem</c>.
    /// </summary>
    Outcome<VolumeView> Find(string name);

    /// <summary>From memory, also for what does not exist.</summary>
    Outcome<string> PathOf(string name);

    /// <summary>Makes the dot when it is missing. With options a name of its own for a branch or commit: see <see cref="VolumeOptions"/>.</summary>
    Task<Outcome<Done>> Create(string name, IReadOnlyDictionary<string, string> options, CancellationToken ct);

    /// <summary>Dots survive; a name that was made with options is forgotten.</summary>
    Task<Outcome<Done>> Remove(string name, CancellationToken ct);

    /// <summary>Brings the dot to this node, and, unless refused, counts as a use of it until <see cref="Unmount"/>.</summary>
    /// <param name="id">The engine's, one for each mount of each container.</param>
    Task<Outcome<string>> Mount(string name, string id, CancellationToken ct);

    Outcome<Done> Unmount(string name, string id);
}

/// <summary>What a node needs to serve a container engine.</summary>
/// <param name="Engine">Belongs to the node's actors from their start on.</param>
public sealed record ContainerServices(IContainerEngine Engine, ContainerSettings Settings, VolumeDefinitions Definitions);
