using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>A path as a peer sent it (contract 3.6): nothing of it is checked.</summary>
/// <param name="Steps">Root to tip; empty for a master branch.</param>
public sealed record UncheckedPath(string TopLevelId, string Namespace, string Name, ImmutableArray<UncheckedStep> Steps);

/// <param name="Name">The outer name of the step.</param>
/// <param name="InnerTopLevelId">Empty where the peer did not know it: old servers leave it out.</param>
/// <param name="InnerName">Likewise.</param>
public sealed record UncheckedStep(
    string Name, string InnerTopLevelId, string FilesystemId, string InnerName, string OriginFilesystemId, string OriginCommitId);

/// <summary>
/// The filesystems from a dot's master branch to one of its branches (<c>PathToTopLevelFilesystem</c>, contract 3.6). Every branch
/// starts at a commit of the one before it; no filesystem and no name is there twice. Ids are the same in both clusters, the dot's
/// name may differ.
/// </summary>
public sealed class TransferPath
{
    /// <summary>Branches that a path may have: far more than anybody nests, and little enough to check at once.</summary>
    public const int MostBranches = 1000;

    private TransferPath(FilesystemId master, DotName dot, ImmutableArray<BranchRow> branches) =>
        (Master, Dot, Branches) = (master, dot, branches);

    /// <summary>The master branch's filesystem, which is the dot's id.</summary>
    public FilesystemId Master { get; }

    public DotName Dot { get; }

    /// <summary>Root to tip, without the master branch.</summary>
    public ImmutableArray<BranchRow> Branches { get; }

    /// <summary>The filesystem that the path leads to.</summary>
    public FilesystemId Tip => Branches.IsEmpty ? Master : Branches[^1].Id;

    /// <summary>The path as the other cluster calls it (contract 6.2, step 4).</summary>
    public TransferPath CalledThere(DotName dot) => new(Master, dot, Branches);

    /// <summary>The path to a branch of this cluster; refused when the directory does not know where one of them starts.</summary>
    public static Outcome<TransferPath> To(DotTarget tip)
    {
        var branches = tip.Path();
        var begin = branches.IsEmpty ? tip.Filesystem : branches[0].Origin.Filesystem;
        if (begin != tip.Dot.Id)
        {
            return Refusals.NoSuchFilesystem(begin);
        }

        var steps = branches.Select(branch => new UncheckedStep(
            branch.Name, "", branch.Id.Value, "", branch.Origin.Filesystem.Value, branch.Origin.Commit.Value));
        return Check(new UncheckedPath(tip.Dot.Id.Value, tip.Dot.Name.Namespace, tip.Dot.Name.Name, [.. steps]));
    }

    /// <summary>Refused (<see cref="RefusalCode.Invalid"/>) with what is wrong and in which step, counted from 1.</summary>
    public static Outcome<TransferPath> Check(UncheckedPath path)
    {
        if (path.Steps.Length > MostBranches)
        {
            return Bad($"it has {path.Steps.Length} branches; {MostBranches} are the most");
        }

        var master = Names.Filesystem(path.TopLevelId);
        var dot = Names.Dot(path.Namespace, path.Name);
        if ((master.Refusal ?? dot.Refusal) is { } malformed)
        {
            return Bad(malformed.Message);
        }

        var branches = ImmutableArray.CreateBuilder<BranchRow>(path.Steps.Length);
        var ids = new HashSet<FilesystemId> { master.Value };
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var n = 0; n < path.Steps.Length; n++)
        {
            var branch = Check(path.Steps[n], path.TopLevelId, n == 0 ? master.Value : branches[n - 1].Id);
            if (branch.Refused(out var refusal))
            {
                return Bad($"branch {n + 1} of {path.Steps.Length}: {refusal.Message}");
            }

            if (!ids.Add(branch.Value.Id) || !names.Add(branch.Value.Name))
            {
                return Bad($"branch {n + 1} of {path.Steps.Length}: '{branch.Value.Name}', filesystem {branch.Value.Id}, is there twice");
            }

            branches.Add(branch.Value);
        }

        return new TransferPath(master.Value, dot.Value, branches.MoveToImmutable());
    }

    private static Outcome<BranchRow> Check(UncheckedStep step, string topLevelId, FilesystemId parent)
    {
        var id = Names.Filesystem(step.FilesystemId);
        var origin = Names.Filesystem(step.OriginFilesystemId);
        var commit = Names.Commit(step.OriginCommitId);
        if ((CheckName(step.Name) ?? id.Refusal ?? origin.Refusal ?? commit.Refusal) is { } malformed)
        {
            return malformed;
        }

        if (origin.Value != parent)
        {
            return Invalid($"it starts in filesystem {origin.Value} and not in {parent}, which comes before it");
        }

        if (step.InnerTopLevelId.Length > 0 && step.InnerTopLevelId != topLevelId)
        {
            return Invalid("it belongs to another dot than the path");
        }

        return step.InnerName.Length > 0 && step.InnerName != step.Name
            ? Invalid($"it has another name inside than '{step.Name}'")
            : new BranchRow(step.Name, id.Value, new CommitOrigin(parent, commit.Value));
    }

    private static Refusal? CheckName(string branch) => branch switch
    {
        "" => Invalid("branch cannot be empty"),
        "master" => Refusals.MasterIsReserved(),
        _ => Names.CheckBranch(branch),
    };

    private static Refusal Bad(string why) => Invalid($"The path to the top level filesystem is not usable: {why}.");

    private static Refusal Invalid(string why) => new(RefusalCode.Invalid, why);
}
