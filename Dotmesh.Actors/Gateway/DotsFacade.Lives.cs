using System.Collections.Immutable;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Users;

namespace Dotmesh.Actors.Gateway;

/// <summary>The beginning and the end of a dot, and its place in the file system.</summary>
internal sealed partial class DotsFacade
{
    public async Task<Outcome<FilesystemId>> Create(Caller caller, DotName name, CancellationToken ct)
    {
        if (users.FindByName(name.Namespace) is not { } owner)
        {
            return Refusals.NoOwner(name.Namespace);
        }

        var (row, reserved) = await Reserve(name, owner, ct);
        if (row.Status == DotStatus.Deleting)
        {
            if ((await Ask(row.Id, new DotProtocol.Delete(caller.User.Id), ct)).Refused(out var refusal))
            {
                return refusal;
            }

            (row, reserved) = await Reserve(name, owner, ct);
        }

        if (!reserved && row.Status != DotStatus.Creating)
        {
            return Refusals.DotExists(name, row.Id);
        }

        try
        {
            env.Faults.Hit(FaultPoints.PartialFailCreateFilesystem);
            env.Faults.Hit(FaultPoints.CreateAfterReserve);
        }
        catch (InjectedFaultException injected)
        {
            return Refusals.From(injected);
        }

        var create = new DotProtocol.Create(name, row.OwnerId, row.OwnerName, caller.User.Id);
        return (await Ask(row.Id, create, ct)).Then<FilesystemId>(_ => row.Id);
    }

    public async Task<Outcome<Done>> Delete(Caller caller, DotName name, CancellationToken ct)
    {
        if (env.Directory.Find(name) is not { } row || row.Status == DotStatus.Creating)
        {
            return Refusals.NoSuchDot(name);
        }

        if (Check(caller, row, Right.Own) is not null)
        {
            return Refusals.NotOwnerToDelete(name);
        }

        // the controlling node looks for itself; a container may have gone on where the dot was before
        ImmutableArray<ContainerUse> inUse = row.Status == DotStatus.Active && Nodes.Length > 1 ? await this.Containers([.. row.Targets()], ct) : [];
        return inUse.Length > 0 ? Refusals.InUseToDelete(row.Id, string.Join(", ", inUse.Select(use => use.Name))) : await Ask(row.Id, new DotProtocol.Delete(caller.User.Id), ct);
    }

    public async Task<Outcome<string>> Procure(
        Caller caller, DotName name, string branch, string subdot, CancellationToken ct)
    {
        branch = branch == "master" ? "" : branch;
        return (Names.CheckBranch(branch) ?? (subdot.Length == 0 ? null : Names.CheckSubdot(subdot))) is { } malformed
            ? malformed
            : await Procure(caller, new VolumeName(name, branch, subdot), null, ct);
    }

    /// <inheritdoc cref="IDots.Procure"/>
    /// <param name="hold">For a container engine; null for anybody else.</param>
    internal async Task<Outcome<string>> Procure(Caller caller, VolumeName volume, VolumeHold? hold, CancellationToken ct)
    {
        var found = await FindOrCreate(caller, volume.Dot, volume.Branch, ct);
        return found.Refused(out var refusal) ? refusal : await Here(caller, found.Value, async target =>
        {
            while (true)
            {
                var filesystem = LeadsTo(target);
                var command = new DotProtocol.Mount(filesystem, caller.User.Id, hold?.Volume ?? "", hold?.Id ?? "", env.Node);
                var mounted = await Ask<DotProtocol.Mounted, string>(target.Dot.Id, command, reply => reply.Path, ct);
                var path = mounted.Then(at => Provide(target, at, volume.Subdot));
                if (path.Refusal is not null || LeadsTo(target) == filesystem)
                {
                    return path;
                }

                // it was switched to another branch meanwhile: that one has to be mounted
            }
        }, ct);
    }

    /// <summary>The same for a commit, read-only: a folder of the commit's view.</summary>
    internal async Task<Outcome<string>> ProcureCommit(Caller caller, VolumeName volume, CommitId commit, VolumeHold hold, CancellationToken ct)
    {
        var found = Resolve(caller, volume.Dot, volume.Branch, Right.Use);
        return found.Refused(out var refusal) ? refusal : await Here(
            caller,
            found.Value,
            target => Ask<DotProtocol.Mounted, string>(
                target.Dot.Id,
                new DotProtocol.MountCommit(target.Filesystem, commit, caller.User.Id, hold.Volume, hold.Id, env.Node),
                reply => Path.Combine(reply.Path, volume.Subdot),
                ct),
            ct);
    }

    /// <summary>
    /// Mounts are where they are asked for: the dot comes to this node (design D7), again if another one asked for it at the same moment.
    /// </summary>
    private async Task<Outcome<string>> Here(Caller caller, DotTarget target, Func<DotTarget, Task<Outcome<string>>> mount, CancellationToken ct)
    {
        const int Most = 3;
        for (var attempt = 1; ; attempt++)
        {
            if (NodeOf(target) != env.Node
                && (await Ask(target.Dot.Id, new DotProtocol.HandOver(env.Node, caller.User.Id), ct)).Refused(out var stays))
            {
                return stays;
            }

            var mounted = await mount(target);
            if (mounted.Refusal is null || attempt == Most || NodeOf(target) == env.Node)
            {
                return mounted;
            }
        }
    }

    private StorageNodeId NodeOf(DotTarget target) => (env.Directory.Find(target.Dot.Id) ?? target.Dot).Node;

    /// <summary>A missing dot is made; a missing branch is not.</summary>
    internal async Task<Outcome<DotTarget>> FindOrCreate(Caller caller, DotName name, string branch, CancellationToken ct)
    {
        var target = Resolve(caller, name, branch, Right.Use);
        if (target.Refusal is not { Code: RefusalCode.NotFound } || branch.Length > 0)
        {
            return target;
        }

        // two that procure the same new dot at once both find it
        var created = await Create(caller, name, ct);
        return created.Refused(out var refusal) && refusal.Code != RefusalCode.AlreadyExists ? refusal : Resolve(caller, name, branch, Right.Use);
    }

    public async Task<Outcome<Done>> Switch(Caller caller, DotName name, string branch, CancellationToken ct)
    {
        var found = Resolve(caller, name, branch == "master" ? "" : branch, Right.Admin);
        if (found.Refused(out var refusal))
        {
            return refusal;
        }

        var target = found.Value;
        var inUse = env.Containers.HavePlain(name);
        if (inUse.Refused(out refusal))
        {
            return refusal;
        }

        // who has the plain name's path, and no container, expects to find the branch there too
        var leads = env.Links.LeadsTo(name, "");
        if ((!inUse.Value && leads is null) || leads == target.Filesystem)
        {
            // the choice of a branch is the client's until somebody has the dot here (contract 2.5)
            return default(Done);
        }

        if (target.Dot.Node == env.Node)
        {
            return await Ask(target.Dot.Id, new DotProtocol.Switch(target.Filesystem, caller.User.Id), ct);
        }

        // none runs here, but where this node lost the dot under it
        if (await env.Containers.Users([.. target.Dot.Filesystems], ct) is { Length: > 0 } still)
        {
            return new Refusal(
                RefusalCode.Conflict,
                $"{still} on this node's host still uses dot {name}, which node {target.Dot.Node} controls now: stop it and try again.");
        }

        env.Links.Repoint(name, target.Filesystem);
        return default(Done);
    }

    /// <summary>What the plain name leads to is up to <see cref="Switch"/>; a pinned one leads to its branch.</summary>
    private FilesystemId LeadsTo(DotTarget target) =>
        target.Branch.Length == 0 && env.Links.LeadsTo(target.Dot.Name, "") is { } linked && target.Dot.Filesystems.Contains(linked)
            ? linked
            : target.Filesystem;

    private Outcome<string> Provide(DotTarget target, string path, string subdot)
    {
        var (name, branch) = (target.Dot.Name, target.Branch);
        try
        {
            return env.Links.Provide(name, branch, path, subdot, target.Dot.Filesystems);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new Refusal(RefusalCode.Storage, $"could not make {env.Links.PathOf(name, branch)}: {failure.Message}");
        }
    }

    private Task<(DotRow Row, bool Reserved)> Reserve(DotName name, User owner, CancellationToken ct) =>
        env.Directory.Reserve(
            new DotRow(
                new FilesystemId(env.Ids.NewId()), name, owner.Id, owner.Name, env.Node, 1, DotStatus.Creating,
                ImmutableSortedDictionary<string, string>.Empty, ImmutableSortedDictionary<string, BranchRow>.Empty),
            ct);
}
