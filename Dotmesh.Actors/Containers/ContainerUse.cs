namespace Dotmesh.Actors.Containers;

/// <summary>A container that uses a filesystem (contract 3.8).</summary>
/// <param name="Name">With the slash that Docker puts before it.</param>
public sealed record ContainerUse(string Id, string Name);

/// <summary>Where a container's mount leads.</summary>
/// <param name="Dot">Null where only the filesystem is known.</param>
/// <param name="IsPlain">By the dot's plain name, which <c>SwitchContainers</c> repoints; a pinned branch or a commit is not.</param>
/// <param name="Filesystem">Null: the dot is not known any more.</param>
internal sealed record MountPlace(DotName? Dot, bool IsPlain, FilesystemId? Filesystem);
