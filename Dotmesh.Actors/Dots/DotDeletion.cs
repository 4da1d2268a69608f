using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Dots;

/// <summary>Destroys a dot, leaves first (contract 2.3). Every step may be repeated.</summary>
internal sealed class DotDeletion(DotScope scope)
{
    public async Task<Outcome<DotProtocol.Reply>> Delete(string by)
    {
        switch (scope.State.Phase)
        {
            case DotPhase.Absent:
                return Refusals.NoSuchFilesystem(scope.Dot);
            case DotPhase.Deleted:
                await Unregister();
                return new DotProtocol.Finished();
            case DotPhase.Deleting:
                return await Finish(by, resumed: true);
            default:
                if (await scope.Users() is { Length: > 0 } users)
                {
                    return Refusals.InUseToDelete(scope.Dot, users);
                }

                await scope.Mark(DotStatus.Deleting);
                scope.Hit(FaultPoints.DeleteAfterMark);
                await scope.Record(new DotEvents.DeletionBegun(scope.Now, by));
                scope.Hit(FaultPoints.DeleteAfterIntent);
                return await Finish(by, resumed: false);
        }
    }

    private async Task<Outcome<DotProtocol.Reply>> Finish(string by, bool resumed)
    {
        var destroyed = 0;
        try
        {
            await DestroyAll(() =>
            {
                if (++destroyed == 1)
                {
                    scope.Hit(FaultPoints.DeleteAfterFirstDestroy);
                }
            });
        }
        catch (StorageException failure) when (destroyed == 0 && !resumed)
        {
            // nothing is lost yet (a mount is busy, the pool is away): the dot stays usable
            await scope.Record(new DotEvents.ChangeAbandoned(failure.Message, [], scope.Now, by));
            await scope.Project();
            return Refusals.From(failure);
        }

        scope.Hit(FaultPoints.DeleteAfterDestroy);
        scope.Hit(FaultPoints.PartialFailDelete);
        await scope.Record(new DotEvents.Deleted(scope.Now, by));
        scope.Hit(FaultPoints.DeleteAfterPersist);
        await Unregister();
        return new DotProtocol.Finished();
    }

    /// <summary>
    /// By the order that the pool tells, in rounds: after a promotion a filesystem may depend on another than the
    /// journal thinks.
    /// </summary>
    private async Task DestroyAll(Action destroyed)
    {
        var origins = scope.InPool().ToDictionary(filesystem => filesystem.Id, filesystem => filesystem.Origin);
        foreach (var known in scope.State.Filesystems.Values)
        {
            // known to the journal only: asked for all the same, a missing one is done
            origins.TryAdd(known.Id, known.Origin);
        }

        var left = DotDecisions.LeavesFirst(origins).ToList();
        while (left.Count > 0)
        {
            StorageException? held = null;
            var before = left.Count;
            foreach (var id in left.ToList())
            {
                try
                {
                    await Destroy(id);
                }
                catch (StorageException failure) when (failure.Failure == StorageFailure.HasDependents)
                {
                    held = failure;
                    continue;
                }

                left.Remove(id);
                destroyed();
            }

            if (left.Count == before)
            {
                throw held!;
            }
        }
    }

    private Task Destroy(FilesystemId id) => scope.On(id, "deleting", null, (_, ct) => scope.Env.Destroy(id, ct));

    private async Task Unregister()
    {
        scope.Env.Links.Remove(scope.State.Name, [.. scope.State.Filesystems.Values.Select(b => (b.Name, b.Id))]);
        await scope.Env.Directory.Remove(scope.Dot, scope.Env.Stopping);
        scope.Hit(FaultPoints.DeleteAfterRemove);
    }
}
