using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// Makes journal, pool and directory agree (design D3): what was begun is finished, what the pool has and the journal
/// does not know is adopted, what the journal knows and the pool lacks is reported, and the directory shows the result.
/// </summary>
internal sealed class DotSettling(DotScope scope)
{
    private const string BySystem = "system";

    private readonly DotStructure _structure = new(scope);
    private readonly DotRenaming _renaming = new(scope);

    public async Task Settle()
    {
        await scope.Env.Running.Quiet(scope.Dot);
        await TakeControl();
        switch (scope.State.Phase)
        {
            case DotPhase.Absent:
                await AdoptWhole();
                break;
            case DotPhase.Changing:
                scope.Env.Log.LogInformation("dot {Dot}: finishing what was begun: {Begun}", scope.Dot, scope.State.Begun);
                await _structure.Finish(scope.State.Begun!);
                await Compare();
                break;
            case DotPhase.Active:
                await Compare();
                break;
            default:
                // a deletion goes on when it is asked for again, by a caller or by the start-up repair
                return;
        }

        await ProjectIfStale();
        await Remount();
    }

    /// <summary>
    /// After a handover that broke off. What the directory says now must be known for sure: the dot may have been given away
    /// although nobody was told.
    /// </summary>
    private async Task Remount()
    {
        var unmounted = scope.State.Filesystems.Keys.Where(id => scope.Env.Index.Contains(id) && !scope.Env.Index.IsMounted(id)).ToList();
        if (unmounted.Count == 0 || scope.State.Phase is DotPhase.Deleting or DotPhase.Deleted)
        {
            return;
        }

        // asking the database reads the rows again when the connection was lost
        await scope.Env.Directory.Deleted([scope.Dot], scope.Env.Stopping);
        if (scope.Env.Directory.Find(scope.Dot) is { } row && row.Node == scope.Env.Node)
        {
            foreach (var id in unmounted)
            {
                await scope.Mount(id);
            }
        }
    }

    /// <summary>
    /// The directory gave this node the dot: its copies become originals before anybody writes to them, and the event makes
    /// whoever controlled it before collide.
    /// </summary>
    private async Task TakeControl()
    {
        if (scope.Env.Directory.Find(scope.Dot) is not { } row || row.Node != scope.Env.Node)
        {
            return;
        }

        var copies = scope.Env.Index.OfDot(scope.Dot)
            .Where(id => scope.Env.Index.LabelsOf(id) is { } labels && (labels.Replica || labels.Epoch < row.Epoch)).ToList();
        foreach (var id in copies)
        {
            await scope.On(id, "taking control", null, (_, ct) =>
                scope.Env.SetLabels(id, scope.Env.Index.LabelsOf(id)! with { Replica = false, Epoch = row.Epoch }, ct));
            await scope.Mount(id);
        }

        if (scope.State.Phase != DotPhase.Absent && scope.State.Epoch < row.Epoch)
        {
            scope.Env.Log.LogInformation(
                "dot {Dot} ({Name}): controlled here from epoch {Epoch} on; before by {Node}", scope.Dot, row.Name, row.Epoch, scope.State.Node);
            await scope.Record(new DotEvents.ControlTaken(row.Node, row.Epoch, scope.Now, BySystem));
        }
    }

    /// <summary>A branch that another node handed in.</summary>
    public async Task<Outcome<DotProtocol.Reply>> TakeIn(DotProtocol.TakeIn command)
    {
        if (DotDecisions.Find(scope.State, scope.Dot).Refused(out var refusal))
        {
            return refusal;
        }

        await scope.Refresh([command.Filesystem]);
        await Compare();
        await ProjectIfStale();
        if (!scope.State.Filesystems.ContainsKey(command.Filesystem))
        {
            return Refusals.MissingInPool(command.Filesystem);
        }

        await scope.Mount(command.Filesystem);
        return new DotProtocol.Finished();
    }

    public async Task<Outcome<DotProtocol.Reply>> Rediscover(DotProtocol.Rediscover rediscover)
    {
        if (DotDecisions.Find(scope.State, rediscover.Filesystem).Refused(out var refusal))
        {
            return refusal;
        }

        var path = await scope.On(rediscover.Filesystem, "loading", null, async (storage, ct) =>
        {
            await scope.Refresh([rediscover.Filesystem]);
            if (!scope.Env.Index.Contains(rediscover.Filesystem))
            {
                return "";
            }

            var mounted = await storage.Mount(rediscover.Filesystem, ct);
            scope.Env.Index.SetMounted(rediscover.Filesystem, true);
            return mounted;
        });
        await Compare();
        await ProjectIfStale();
        return path.Length == 0
            ? Refusals.MissingInPool(rediscover.Filesystem)
            : new DotProtocol.Found(
                $"{rediscover.Filesystem}: {scope.Env.Index.Count(rediscover.Filesystem)} commits, mounted at {path}");
    }

    /// <summary>Settling has run; what is left is what only the start-up repair may decide.</summary>
    public async Task<Outcome<DotProtocol.Reply>> Wake(DotProtocol.Wake wake, DotDeletion deletion)
    {
        var row = scope.Env.Directory.Find(scope.Dot);
        switch (scope.State.Phase)
        {
            case DotPhase.Absent or DotPhase.Deleted when row is { Status: DotStatus.Creating }:
                await UndoOrKeepCreation(row);
                break;
            case DotPhase.Absent when row is { Status: DotStatus.Deleting }:
                await scope.Env.Directory.Remove(scope.Dot, scope.Env.Stopping);
                break;
            case DotPhase.Deleting:
            case DotPhase.Deleted when row is not null:
                return await deletion.Delete(wake.By);
            default:
                await ProjectIfStale();
                break;
        }

        return new DotProtocol.Finished();
    }

    /// <summary>A creation that nobody was told of: there whole, or not at all.</summary>
    private async Task UndoOrKeepCreation(DotRow row)
    {
        await scope.Refresh([scope.Dot]);
        if (scope.Env.Index.Count(scope.Dot) > 0)
        {
            await scope.Record(new DotEvents.Created(
                scope.Dot, row.Name, row.OwnerId, row.OwnerName, row.Node, row.Epoch,
                Ids(scope.Env.Index.Commits(scope.Dot)), scope.Now, BySystem));
            await scope.Project();
            return;
        }

        scope.Env.Log.LogInformation("dot {Dot} ({Name}): its creation was cut short; removed", scope.Dot, row.Name);
        await scope.On(scope.Dot, "deleting", null, (storage, ct) => storage.Destroy(scope.Dot, ct));
        scope.Env.Index.Remove(scope.Dot);
        await scope.Env.Directory.Remove(scope.Dot, scope.Env.Stopping);
    }

    /// <summary>No journal, but a row and data: the journal was lost, or the row was rebuilt from the pool's labels.</summary>
    private async Task AdoptWhole()
    {
        if (scope.Env.Directory.Find(scope.Dot) is not { Status: DotStatus.Active or DotStatus.Changing } row
            || !scope.Env.Index.Contains(scope.Dot))
        {
            return;
        }

        var labels = scope.Env.Index.Find(scope.Dot)?.Labels;
        scope.Env.Log.LogInformation("dot {Dot} ({Name}): no journal; adopted from the pool", scope.Dot, row.Name);
        await scope.Record(new DotEvents.Adopted(
            scope.Dot, row.Name, row.OwnerId, row.OwnerName, row.Node, row.Epoch,
            labels?.Collaborators ?? row.Collaborators, Ids(scope.Env.Index.Commits(scope.Dot)), scope.Now, BySystem));
        await Compare();
    }

    private async Task Compare()
    {
        var comparison = DotDecisions.Compare(scope.State, scope.InPool());
        foreach (var found in comparison.Unknown)
        {
            await AdoptBranch(found);
        }

        foreach (var change in comparison.Changes)
        {
            if (change.Added.Length > 0)
            {
                scope.Env.Log.LogInformation("dot {Dot}: adopted commits of {Filesystem} that the journal did not know: {Commits}",
                    scope.Dot, change.Filesystem, string.Join(", ", change.Added));
                await scope.Record(new DotEvents.CommitsAdopted(change.Filesystem, change.Added, scope.Now, BySystem));
            }

            if (change.Removed.Length > 0)
            {
                scope.Env.Log.LogError("dot {Dot}: the pool has lost commits of {Filesystem} that the journal knows: {Commits}",
                    scope.Dot, change.Filesystem, string.Join(", ", change.Removed));
                await scope.Record(new DotEvents.CommitsLost(change.Filesystem, change.Removed, scope.Now, BySystem));
            }
        }

        foreach (var missing in comparison.Missing)
        {
            scope.Env.Log.LogError("dot {Dot}: the pool has no filesystem {Filesystem} any more", scope.Dot, missing);
        }

        // what the pool keeps beside the data is as the journal has it: a change of it that was not recorded was not acknowledged either
        try
        {
            await _renaming.Relabel();
        }
        catch (Exception failure) when (failure is StorageException or IOException or UnauthorizedAccessException)
        {
            // a full pool takes none, and has to take deletions all the same; the next comparison tries again
            scope.Env.Log.LogWarning(failure, "dot {Dot}: the pool did not take its labels: {Message}", scope.Dot, failure.Message);
        }
    }

    private async Task AdoptBranch(StoredFilesystem found)
    {
        if (found.Origin is null && found.Commits.IsEmpty)
        {
            scope.Env.Log.LogWarning("dot {Dot}: filesystem {Filesystem} is labelled with it but holds no commit; left alone",
                scope.Dot, found.Id);
            return;
        }

        var name = DotDecisions.AdoptedName(scope.State, found);
        scope.Env.Log.LogInformation("dot {Dot}: adopted branch {Branch} ({Filesystem}) that the journal did not know",
            scope.Dot, name, found.Id);
        await scope.Record(new DotEvents.BranchAdopted(
            name, found.Id, DotDecisions.AdoptedOrigin(scope.State, found), Ids(found.Commits), scope.Now, BySystem));
    }

    private async Task ProjectIfStale()
    {
        if (scope.State.Phase is not (DotPhase.Active or DotPhase.Changing))
        {
            return;
        }

        try
        {
            await ProjectWhatDiffers();
        }
        catch (DirectoryConflictException) when (scope.Env.Directory.Find(scope.Dot) is { } row && row.Name != scope.State.Name)
        {
            // a new name was reserved, and before the journal said so somebody took the old one: there is no way back
            await _renaming.Complete(row, BySystem);
        }
    }

    private async Task ProjectWhatDiffers()
    {
        var row = scope.Env.Directory.Find(scope.Dot);
        var now = scope.State.Row();
        if (row is null || row.Status != now.Status || row.Generation != now.Generation || row.Copies != now.Copies || row.Name != now.Name || row.OwnerId != now.OwnerId
            || !row.Branches.SequenceEqual(now.Branches) || !row.Collaborators.SequenceEqual(now.Collaborators))
        {
            await scope.Project();
        }
    }

    private static ImmutableArray<CommitId> Ids(IEnumerable<StoredCommit> commits) => [.. commits.Select(commit => commit.Id)];
}
