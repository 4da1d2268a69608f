using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Dotmesh.Actors;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;

namespace Dotmesh.Rpc.Wire;

public sealed record WireName(string Namespace, string Name)
{
    public static WireName From(DotName name) => new(name.Namespace, name.Name);
}

/// <summary>Contract 3.1, the members of both eras: <c>Clone</c> is the older name of <c>Branch</c>.</summary>
public sealed record DotmeshVolume(
    string Id,
    WireName Name,
    string Branch,
    [property: JsonPropertyName("Clone")] string CloneName,
    string Master,
    long SizeBytes,
    long DirtyBytes,
    int CommitCount,
    ImmutableSortedDictionary<string, string> ServerStates,
    ImmutableSortedDictionary<string, string> ServerStatuses,
    string ForkParentId,
    string ForkParentSnapshotId)
{
    public static DotmeshVolume From(DotView view) => new(
        view.Target.Filesystem.Value,
        WireName.From(view.Target.Dot.Name),
        view.Target.Branch,
        view.Target.Branch,
        view.Target.Dot.Node.Value,
        view.SizeBytes,
        view.DirtyBytes,
        view.CommitCount,
        view.Servers.ToImmutableSortedDictionary(server => server.Key, server => server.Value.State, StringComparer.Ordinal),
        view.Servers.ToImmutableSortedDictionary(server => server.Key, server => server.Value.Status, StringComparer.Ordinal),
        "",
        "");
}

/// <summary>Contract 3.8.</summary>
public sealed record Container(string Name, string Id)
{
    public static ImmutableArray<Container> From(ImmutableArray<ContainerUse> uses) => [.. uses.Select(use => new Container(use.Name, use.Id))];
}

public sealed record VolumeWithContainers(DotmeshVolume Volume, ImmutableArray<Container> Containers);

/// <summary>Contract 3.5.</summary>
public sealed record Server(string Id, ImmutableArray<string> Addresses);

/// <param name="OtherBranches">Null without branches, as the original has it.</param>
public sealed record TopLevelFilesystem(
    DotmeshVolume MasterBranch,
    ImmutableArray<DotmeshVolume>? OtherBranches,
    SafeUser Owner,
    ImmutableArray<SafeUser> Collaborators,
    string ForkParentId,
    string ForkParentSnapshotId);

public sealed record DotsAndBranches(ImmutableArray<TopLevelFilesystem> Dots, ImmutableArray<Server> Servers);

public sealed record TopLevelVolume(
    [property: JsonPropertyName("TopLevelVolume")] DotmeshVolume Master,
    ImmutableArray<DotmeshVolume>? CloneVolumes,
    SafeUser Owner,
    ImmutableArray<SafeUser> Collaborators);

/// <summary>The same in the older vocabulary.</summary>
public sealed record VolumesAndClones(ImmutableArray<TopLevelVolume> Volumes, ImmutableArray<Server> Servers);

/// <summary>Contract 3.6.</summary>
public sealed record PathToTopLevelFilesystem(
    string TopLevelFilesystemId, WireName TopLevelFilesystemName, ImmutableArray<PathStep> Clones)
{
    /// <param name="branches">Root to tip, without the master branch.</param>
    public static PathToTopLevelFilesystem From(FilesystemId master, DotName name, ImmutableArray<BranchRow> branches) => new(
        master.Value,
        WireName.From(name),
        [
            .. branches.Select(branch => new PathStep(
                branch.Name,
                new PathClone(
                    master.Value, branch.Id.Value, branch.Name, new PathOrigin(branch.Origin.Filesystem.Value, branch.Origin.Commit.Value)))),
        ]);
}

public sealed record PathStep(string Name, [property: JsonPropertyName("Clone")] PathClone Branch);

public sealed record PathClone(string TopLevelFilesystemId, string FilesystemId, string Name, PathOrigin Origin);

public sealed record PathOrigin(string FilesystemId, string SnapshotId);
