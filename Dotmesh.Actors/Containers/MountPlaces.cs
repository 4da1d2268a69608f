using System.Text.RegularExpressions;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;

namespace Dotmesh.Actors.Containers;

/// <summary>Tells which filesystem a container's mount leads to: by its volume's name, or, for a folder of the host, by its path.</summary>
/// <param name="driver">What the engine calls this node's volume plugin.</param>
internal sealed partial class MountPlaces(string driver, VolumeDefinitions definitions, MountLinks links, IDirectory directory)
{
    /// <summary>What a volume leads to while the engine holds it: names may mean something else meanwhile.</summary>
    public Func<string, FilesystemId?> Held { get; set; } = _ => null;

    /// <summary>Null: no dot of this node.</summary>
    public MountPlace? Of(EngineMount mount)
    {
        if (mount.Volume.Length > 0)
        {
            return mount.Driver == driver ? OfVolume(mount.Volume) : null;
        }

        if (links.NameOf(mount.Source) is { } named)
        {
            return Place(named.Dot, named.Branch, isLive: true);
        }

        return Live().Match(mount.Source) is { Success: true } live
            ? new MountPlace(null, false, new FilesystemId(live.Groups["id"].Value))
            : null;
    }

    /// <summary>Null: it cannot be the name of one.</summary>
    public MountPlace? OfVolume(string volume)
    {
        var place = ByName(volume);
        return Held(volume) is { } held ? (place ?? new MountPlace(null, false, held)) with { Filesystem = held } : place;
    }

    private MountPlace? ByName(string volume)
    {
        if (definitions.Find(volume) is { } defined)
        {
            return Place(defined.Target.Dot, defined.Target.Branch, isLive: defined.Commit is null);
        }

        var name = VolumeName.Parse(volume);
        return name.Refusal is null ? Place(name.Value.Dot, name.Value.Branch, isLive: true) : null;
    }

    private MountPlace Place(DotName dot, string branch, bool isLive) =>
        new(dot, isLive && branch.Length == 0, isLive ? Filesystem(dot, branch) : Own(dot, branch));

    /// <summary>What a container holds is where the link led when it was started: it is only changed while none runs.</summary>
    private FilesystemId? Filesystem(DotName dot, string branch) => links.LeadsTo(dot, branch) ?? Own(dot, branch);

    private FilesystemId? Own(DotName dot, string branch)
    {
        var row = directory.Find(dot);
        return branch.Length == 0 ? row?.Id : row?.Branches.GetValueOrDefault(branch)?.Id;
    }

    // a live filesystem or a commit below any mount prefix, as Mount and MountCommit answer it
    [GeneratedRegex(
        @"/dmfs/(?<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(@[^/]*)?(/|\z)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Live();
}
