using System.Collections.Immutable;
using Dotmesh.Actors.Directory;

namespace Dotmesh.Actors.Transfers;

/// <summary>What of a path is not here yet, and whether it may come (contract 2.6, RegisterFilesystem). Pure.</summary>
internal static class PathDecisions
{
    /// <summary>Those filesystems of the path that are not here, root to tip; refused when an id or a name stands for something else here.</summary>
    public static Outcome<ImmutableArray<Registration>> Missing(TransferPath path, IDirectory directory, string userId)
    {
        var dot = directory.Find(path.Master);
        if (dot is not null && dot.Name != path.Dot)
        {
            return IdExists(path.Master);
        }

        if (dot is null && directory.Find(path.Dot) is { } named)
        {
            return Refusals.DotExists(path.Dot, named.Id);
        }

        if (dot is { Status: DotStatus.Deleting })
        {
            return new Refusal(RefusalCode.Conflict, $"Dot {path.Dot} is being deleted: try again when it is gone.");
        }

        var missing = ImmutableArray.CreateBuilder<Registration>();
        if (dot is null or { Status: DotStatus.Creating })
        {
            missing.Add(new Registration(path.Master, path.Master, path.Dot, "", null, userId));
        }

        foreach (var branch in path.Branches)
        {
            if (directory.FindFilesystem(branch.Id) is { } there)
            {
                if (there.Dot.Id != path.Master || there.Branch != branch.Name)
                {
                    return IdExists(branch.Id);
                }
            }
            else if (dot?.Branches.ContainsKey(branch.Name) == true)
            {
                return Refusals.BranchExists(branch.Name, path.Dot);
            }
            else
            {
                missing.Add(new Registration(branch.Id, path.Master, path.Dot, branch.Name, branch.Origin, userId));
            }
        }

        return missing.ToImmutable();
    }

    /// <summary>Contract 2.6: who is not the namespace's user or admin makes no dot there.</summary>
    public static Refusal NotNamespaceAdmin(string @namespace) => new(
        RefusalCode.Denied, $"User is not an administrator for namespace {@namespace}, so cannot create volumes");

    private static Refusal IdExists(FilesystemId id) => new(RefusalCode.AlreadyExists, $"Filesystem ID {id} already exists");
}
