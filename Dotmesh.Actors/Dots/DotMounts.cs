using Dotmesh.Actors.Containers;

namespace Dotmesh.Actors.Dots;

/// <summary>Mounts of a dot, for people and for containers.</summary>
internal sealed class DotMounts(DotScope scope)
{
    public async Task<Outcome<DotProtocol.Reply>> Mount(DotProtocol.Mount mount, DateTimeOffset deadline)
    {
        if ((Elsewhere(mount.At) ?? DotDecisions.Find(scope.State, mount.Filesystem).Refusal) is { } refusal)
        {
            return refusal;
        }

        return new DotProtocol.Mounted(
            await scope.Mount(mount.Filesystem, deadline, () => Hold(mount.Volume, mount.Hold, mount.Filesystem)));
    }

    public async Task<Outcome<DotProtocol.Reply>> Switch(DotProtocol.Switch to)
    {
        scope.Env.Links.Repoint(scope.State.Name, to.To, await scope.Mount(to.To));
        scope.Hit(FaultPoints.SwitchAfterRepoint);
        return new DotProtocol.Finished();
    }

    public async Task<Outcome<DotProtocol.Reply>> MountCommit(DotProtocol.MountCommit mount, DateTimeOffset deadline)
    {
        if ((Elsewhere(mount.At) ?? DotDecisions.Find(scope.State, mount.Filesystem).Refusal) is { } refusal)
        {
            return refusal;
        }

        if (!scope.State.Filesystems[mount.Filesystem].Commits.Contains(mount.Commit))
        {
            return Refusals.NoCommitToMount(mount.Commit, mount.Filesystem);
        }

        return new DotProtocol.Mounted(await scope.On(mount.Filesystem, "mounting", deadline, async (storage, ct) =>
        {
            var path = await storage.MountCommit(mount.Filesystem, mount.Commit, ct);
            Hold(mount.Volume, mount.Hold, mount.Filesystem);
            return path;
        }));
    }

    private Refusal? Elsewhere(StorageNodeId? wanted) => wanted is { } at && at != scope.Env.Node
        ? new Refusal(RefusalCode.Conflict, $"Dot {scope.State.Name} went to node {scope.Env.Node} while node {at} was about to mount it; try again.")
        : null;

    /// <summary>As part of the operation: what runs alone on the dot sees it, or comes before it.</summary>
    private void Hold(string volume, string id, FilesystemId filesystem)
    {
        if (volume.Length > 0)
        {
            scope.Env.Containers.Hold(new HeldMount(volume, id, filesystem));
        }
    }
}
