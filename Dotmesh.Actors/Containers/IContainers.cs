using System.Collections.Immutable;

namespace Dotmesh.Actors.Containers;

/// <summary>What was stopped for an operation.</summary>
/// <param name="Key">For <see cref="IContainers.StartAgain"/>; null when nothing was.</param>
/// <param name="Refusal">Not all could be stopped: the operation must not begin, and those that were are to be started again.</param>
internal sealed record Stopped(string? Key, Refusal? Refusal)
{
    public static readonly Stopped Nothing = new(null, null);
}

/// <summary>Which containers an operation would pull the ground from under.</summary>
/// <param name="Filesystem">Those that use it, by whatever name; null when <paramref name="PlainName"/> says.</param>
/// <param name="PlainName">Those that mount this dot by its plain name.</param>
internal sealed record Affected(FilesystemId? Filesystem, DotName? PlainName)
{
    public bool By(MountPlace place) => Filesystem is { } id ? place.Filesystem == id : place.IsPlain && place.Dot == PlainName;
}

/// <summary>The containers of this node's host, as far as they use dots.</summary>
internal interface IContainers
{
    /// <summary>Running ones, by the filesystem that they use.</summary>
    ILookup<FilesystemId, ContainerUse> Running();

    /// <summary>
    /// Names of what uses one of the filesystems, or is about to; empty when nothing does. Asked of the engine when something seems to: who
    /// was stopped a moment ago is not in anybody's way.
    /// </summary>
    Task<string> Users(IReadOnlyCollection<FilesystemId> filesystems, CancellationToken ct);

    /// <summary>Whether a container, running or not, mounts the dot by its plain name. Refused while that is not known.</summary>
    Outcome<bool> HavePlain(DotName dot);

    /// <summary>
    /// Stops the running containers that are affected. None begins meanwhile by a volume: its mount is the dot's work and waits for its
    /// turn, which is why <see cref="StartAgain"/> must not be waited for before the dot's own work has ended.
    /// </summary>
    Task<Stopped> Stop(FilesystemId dot, Affected affected, CancellationToken ct);

    /// <summary>In the order in which they were started before. A text for those that did not start; null when all run.</summary>
    Task<string?> StartAgain(string key, CancellationToken ct);

    /// <summary>A mount for a container; durable when it returns.</summary>
    void Hold(HeldMount hold);
}

/// <summary>Where there is no engine.</summary>
internal sealed class NoContainers : IContainers
{
    public static readonly NoContainers Instance = new();

    private static readonly ILookup<FilesystemId, ContainerUse> None =
        ImmutableArray<(FilesystemId Id, ContainerUse Use)>.Empty.ToLookup(pair => pair.Id, pair => pair.Use);

    public ILookup<FilesystemId, ContainerUse> Running() => None;

    public Task<string> Users(IReadOnlyCollection<FilesystemId> filesystems, CancellationToken ct) => Task.FromResult("");

    public Outcome<bool> HavePlain(DotName dot) => false;

    public Task<Stopped> Stop(FilesystemId dot, Affected affected, CancellationToken ct) => Task.FromResult(Stopped.Nothing);

    public Task<string?> StartAgain(string key, CancellationToken ct) => Task.FromResult<string?>(null);

    public void Hold(HeldMount hold) =>
        throw new InvalidOperationException($"volume {hold.Volume}: a container mounts where no engine is served");
}
