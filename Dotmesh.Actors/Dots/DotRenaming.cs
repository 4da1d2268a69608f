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

        var before = scope.State;
        var after = before.Called(rename.Name, rename.OwnerId, rename.OwnerName, rename.Collaborators);
        try
        {
            await scope.Env.Directory.Project(after.Row(), scope.Env.Stopping);
        }
        catch (DirectoryConflictException taken)
        {
            return Refusals.DotExists(rename.Name, taken.Holder.Id);
        }

        scope.Hit(FaultPoints.RenameAfterReserve);
        await scope.Record(new DotEvents.Renamed(
            rename.Name, rename.OwnerId, rename.OwnerName, rename.Collaborators, scope.Now, rename.By));
        scope.Hit(FaultPoints.RenameAfterPersist);
        await Relabel();
        scope.Hit(FaultPoints.RenameAfterStorage);
        if (before.Name != rename.Name)
        {
            scope.Env.Links.Remove(before.Name, [.. before.Filesystems.Values.Select(branch => (branch.Name, branch.Id))]);
        }

        return new DotProtocol.Finished();
    }

    /// <summary>Whether the pool still calls the dot what it was called before.</summary>
    public bool IsHalfDone() =>
        scope.Env.Index.LabelsOf(scope.Dot) is { } labels && !Same(labels, scope.State.Labels(""));

    /// <summary>What the pool keeps about the dot's filesystems, where it differs from the journal.</summary>
    public async Task Relabel()
    {
        foreach (var branch in scope.State.Filesystems.Values)
        {
            var labels = scope.State.Labels(branch.Name);
            if (scope.Env.Index.LabelsOf(branch.Id) is not { } there || (Same(there, labels) && there.Collaborators.SequenceEqual(labels.Collaborators)))
            {
                continue;
            }

            await scope.On(branch.Id, "renaming", null, async (storage, ct) =>
            {
                await storage.SetLabels(branch.Id, labels, ct);
                scope.Env.Index.SetLabels(branch.Id, labels);
            });
        }
    }

    private static bool Same(FilesystemLabels one, FilesystemLabels other) =>
        one.Name == other.Name && one.OwnerId == other.OwnerId && one.OwnerName == other.OwnerName;
}
