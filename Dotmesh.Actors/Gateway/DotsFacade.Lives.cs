using System.Collections.Immutable;
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

        return Check(caller, row, Right.Own) is null
            ? await Ask(row.Id, new DotProtocol.Delete(caller.User.Id), ct)
            : Refusals.NotOwnerToDelete(name);
    }

    public async Task<Outcome<string>> Procure(
        Caller caller, DotName name, string branch, string subdot, CancellationToken ct)
    {
        branch = branch == "master" ? "" : branch;
        if (Names.CheckBranch(branch) is { } malformed)
        {
            return malformed;
        }

        if (subdot.Length > 0 && Names.CheckSubdot(subdot) is { } malformedSubdot)
        {
            return malformedSubdot;
        }

        var target = Resolve(caller, name, branch, Right.Use);
        if (target.Refused(out var refusal))
        {
            if (refusal.Code != RefusalCode.NotFound || branch.Length > 0)
            {
                return refusal;
            }

            // two that procure the same new dot at once both find it
            var created = await Create(caller, name, ct);
            if (created.Refused(out refusal) && refusal.Code != RefusalCode.AlreadyExists)
            {
                return refusal;
            }

            target = Resolve(caller, name, branch, Right.Use);
            if (target.Refused(out refusal))
            {
                return refusal;
            }
        }

        if (target.Value.Dot.Node != env.Node)
        {
            // mounts are where they are asked for: the dot comes here (design D7)
            var come = await Ask(target.Value.Dot.Id, new DotProtocol.HandOver(env.Node, caller.User.Id), ct);
            if (come.Refused(out refusal))
            {
                return refusal;
            }
        }

        var mounted = await Ask<DotProtocol.Mounted, string>(
            target.Value.Dot.Id, new DotProtocol.Mount(target.Value.Filesystem, caller.User.Id), reply => reply.Path, ct);
        return mounted.Then(path => Provide(target.Value, path, subdot));
    }

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
