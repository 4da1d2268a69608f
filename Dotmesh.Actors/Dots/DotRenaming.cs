using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// Another name, owner and collaborators for a dot. The directory's row comes first, because its index decides who has the name; what a
/// crash leaves before the event is taken back by the next comparison, what it leaves after it is finished there.
/// </summary>
internal sealed class DotRenaming(DotScope scope)
{
    public async Task<Outcome<DotProtocol.Reply>> Rename(DotProtocol.Rename rename)
    {
        if (DotDecisions.Find(scope.State, scope.Dot).Refused(out var refusal))
        {
            return refusal;
        }

        if (rename.Name != scope.State.Name && await scope.Users() is { Length: > 0 } users)
        {
            return new Refusal(RefusalCode.Conflict, $"Dot {scope.State.Name} cannot be renamed while containers use it: {users}. Stop them and try again.");
        }

        var after = scope.State.Called(rename.Name, rename.OwnerId, rename.OwnerName, rename.Collaborators);
        try
        {
            await scope.Env.Directory.Project(after.Row(), scope.Env.Stopping);
        }
        catch (DirectoryConflictException taken)
        {
            return Refusals.DotExists(rename.Name, taken.Holder.Id);
        }

        if (scope.Moved(after.Epoch) is { } moved)
        {
            // the row may not have been written; nothing was recorded, so whoever controls the dot now may be asked
            return moved;
        }

        scope.Hit(FaultPoints.RenameAfterReserve);
        await Record(rename.Name, rename.OwnerId, rename.OwnerName, rename.Collaborators, rename.By);
        scope.Hit(FaultPoints.RenameAfterPersist);
        await Relabel();
        scope.Hit(FaultPoints.RenameAfterStorage);
        return new DotProtocol.Finished();
    }

    /// <summary>What the row has is recorded, whoever asked for it.</summary>
    public async Task Complete(DotRow row, string by)
    {
        await Record(row.Name, row.OwnerId, row.OwnerName, row.Collaborators, by);
        await Relabel();
        await scope.Project();
    }

    /// <summary>
    /// What the pool keeps about the dot's filesystems is made what the journal has, where it differs; the master branch, by which the
    /// next start sees whether it was done, comes last. The links of an old name go first: who takes that name must not be led here.
    /// </summary>
    public async Task Relabel()
    {
        var all = scope.State.Filesystems.Values.OrderBy(branch => branch.Id == scope.Dot).ToList();
        foreach (var old in all.Select(branch => scope.Env.Index.LabelsOf(branch.Id)?.Name).OfType<DotName>().Distinct().Where(name => name != scope.State.Name))
        {
            scope.Env.Links.Remove(old, [.. all.Select(branch => (branch.Name, branch.Id))]);
        }

        var any = false;
        foreach (var branch in all.Where(branch => scope.Env.Index.Contains(branch.Id)))
        {
            var labels = scope.State.Labels(branch.Name);
            if (scope.Env.Index.LabelsOf(branch.Id) is { } there && Same(there, labels))
            {
                continue;
            }

            await scope.On(branch.Id, "labelling", null, (_, ct) => scope.Env.SetLabels(branch.Id, labels, ct));
            any = true;
        }

        if (any)
        {
            // the copies take over what is in the index
            scope.Env.Changed(scope.Dot);
        }
    }

    private Task Record(
        DotName name, string ownerId, string ownerName, ImmutableSortedDictionary<string, string> collaborators, string by) =>
        scope.Record(new DotEvents.Renamed(name, ownerId, ownerName, collaborators, scope.Now, by));

    private static bool Same(FilesystemLabels one, FilesystemLabels other) =>
        one.Name == other.Name && one.OwnerId == other.OwnerId && one.OwnerName == other.OwnerName
        && one.Collaborators.SequenceEqual(other.Collaborators);
}
