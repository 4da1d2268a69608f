using System.Collections.Immutable;

namespace Dotmesh.Actors.Containers;

/// <param name="Name">With the slash that Docker puts before it (contract 3.8).</param>
/// <param name="IsRunning">It has its mounts or will have them again by itself: running, paused or restarting.</param>
public sealed record EngineContainer(string Id, string Name, bool IsRunning, ImmutableArray<EngineMount> Mounts)
{
    /// <summary>Between an end and the next start: its mounts are given back.</summary>
    public bool IsRestarting { get; init; }
}


/// <param name="Driver">Of a volume; empty for a folder of the host.</param>
/// <param name="Volume">Empty for a folder of the host.</param>
/// <param name="Source">Path on the host; Docker does not tell it of a plugin's volume.</param>
public sealed record EngineMount(string Driver, string Volume, string Source);

/// <summary>What has to be known of a container before it is stopped.</summary>
/// <param name="GoesWhenStopped">Made with <c>--rm</c>: nothing of it is left to start again.</param>
public sealed record ContainerLife(bool IsRunning, DateTimeOffset StartedAt, bool GoesWhenStopped);

/// <summary>A container engine on this node's host. Refusals are <see cref="RefusalCode.Unavailable"/> when it does not answer.</summary>
public interface IContainerEngine : IDisposable
{
    /// <summary>Running and stopped ones.</summary>
    Task<Outcome<ImmutableArray<EngineContainer>>> List(CancellationToken ct);

    /// <summary>Null: there is no such container.</summary>
    Task<Outcome<EngineContainer?>> Find(string id, CancellationToken ct);

    /// <summary>Null: there is no such container.</summary>
    Task<Outcome<ContainerLife?>> Life(string id, CancellationToken ct);

    /// <summary>Asks it to end, and ends it after the grace time. One that does not run is done.</summary>
    Task<Outcome<Done>> Stop(string id, TimeSpan grace, CancellationToken ct);

    /// <summary>One that runs is done.</summary>
    Task<Outcome<Done>> Start(string id, CancellationToken ct);

    /// <summary>
    /// Tells the id of each container that something happens to, from a moment before this call on; ends when the engine ends or the
    /// connection breaks, with the reason.
    /// </summary>
    Task<string> Watch(Action<string> changed, CancellationToken ct);
}
