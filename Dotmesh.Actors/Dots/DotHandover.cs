using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// Gives a dot to another node (design D7, contract 5.8): unmount, commit what is not committed, wait until the other node has everything,
/// then the compare-and-set, which alone decides. Before it a failure leaves the dot here and mounted again; after it the other
/// node has all there is. Nothing else runs on the dot meanwhile.
/// </summary>
internal sealed class DotHandover(DotScope scope)
{
    /// <summary>The caller is told before its own patience ends.</summary>
    private static readonly TimeSpan ForTheAnswer = TimeSpan.FromSeconds(2);

    public async Task<Outcome<DotProtocol.Reply>> HandOver(DotProtocol.HandOver command, DateTimeOffset deadline)
    {
        if (DotDecisions.Find(scope.State, scope.Dot).Refused(out var refusal))
        {
            return refusal;
        }

        if (command.To == scope.Env.Node)
        {
            return new DotProtocol.Finished();
        }

        if (scope.Env.Link is not { } link)
        {
            return Refusals.NodeNotUp(command.To);
        }

        if (await InUse(command.To) is { } inUse)
        {
            return inUse;
        }

        // most of it while the dot is still in use, so that the time without mounts is short
        if ((await Sync(link, command.To, deadline)).Refused(out refusal))
        {
            return refusal;
        }

        scope.Hit(FaultPoints.HandoverBeforeUnmount);
        try
        {
            await Unmount();
            scope.Hit(FaultPoints.HandoverAfterUnmount);
            await CommitRest(command.By);
            scope.Hit(FaultPoints.HandoverAfterCommit);
            if ((await Sync(link, command.To, deadline)).Refused(out refusal))
            {
                await Stay();
                return refusal;
            }
        }
        catch (StorageException failure)
        {
            await Stay();
            return Refusals.From(failure);
        }

        scope.Hit(FaultPoints.HandoverAfterSync);
        return await Move(command.To, "handed over");
    }

    public async Task<Outcome<DotProtocol.Reply>> GiveBack(DotProtocol.GiveBack command)
    {
        if ((DotDecisions.Find(scope.State, scope.Dot).Refusal ?? await InUse(command.To)) is { } refusal)
        {
            return refusal;
        }

        var seen = command.Seen.ToDictionary(filesystem => filesystem.Id);
        if (scope.State.CutSinceTaken || seen.Count != scope.State.Filesystems.Count || !scope.State.Filesystems.Keys.All(id => seen.GetValueOrDefault(id) == Here(id)))
        {
            return new Refusal(RefusalCode.Conflict, $"Dot {scope.State.Name} has changed on node {scope.Env.Node} since it was looked at.");
        }

        try
        {
            // before, because who writes here must not be interrupted each time that this is asked; and after, when nobody can
            if (await Dirty() is { Count: > 0 })
            {
                return WrittenTo();
            }

            await Unmount();
            if (await Dirty() is { Count: > 0 })
            {
                await Stay();
                return WrittenTo();
            }
        }
        catch (StorageException failure)
        {
            await Stay();
            return Refusals.From(failure);
        }

        return await Move(command.To, "given back");
    }

    private Refusal WrittenTo() => new(RefusalCode.Conflict, $"Dot {scope.State.Name} was written to on node {scope.Env.Node}.");

    private SeenFilesystem Here(FilesystemId id) => new(id, scope.Env.Index.Count(id), scope.Env.Index.Newest(id));

    private async Task<Outcome<DotProtocol.Reply>> Move(StorageNodeId to, string how)
    {
        if (!await scope.Env.Directory.MoveControl(scope.Dot, scope.State.Epoch, to, scope.Env.Stopping))
        {
            return new Refusal(RefusalCode.Conflict, $"The control of dot {scope.State.Name} was changed by somebody else meanwhile.");
        }

        scope.Env.Log.LogInformation("dot {Dot} ({Name}): {How} to node {Node}", scope.Dot, scope.State.Name, how, to);
        scope.Hit(FaultPoints.HandoverAfterMove);
        return new DotProtocol.Finished();
    }

    /// <summary>None comes while this runs alone: its mount would have to wait for it.</summary>
    private async Task<Refusal?> InUse(StorageNodeId to)
    {
        var users = await scope.Users();
        return users.Length == 0 ? null : Refusals.InUseToMove(scope.State.Name, scope.Dot, scope.Env.Node, to, users);
    }

    private async Task<Outcome<Done>> Sync(IReplicaLink link, StorageNodeId to, DateTimeOffset deadline)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(scope.Env.Stopping);
        var left = deadline - scope.Now - ForTheAnswer;
        limit.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        try
        {
            return await link.Sync(to, scope.Dot, scope.State.Epoch, limit.Token);
        }
        catch (OperationCanceledException) when (!scope.Env.Stopping.IsCancellationRequested)
        {
            return new Refusal(
                RefusalCode.Expired,
                $"Node {to} did not have all of dot {scope.State.Name} before the deadline. It stays on node {scope.Env.Node}; what was copied is "
                + "kept, so that the next attempt takes less.");
        }
    }

    private async Task Unmount()
    {
        foreach (var id in scope.State.Filesystems.Keys.Where(scope.Env.Index.IsMounted))
        {
            await scope.On(id, "unmounting", null, async (storage, ct) =>
            {
                await storage.Unmount(id, ct);
                scope.Env.Index.SetMounted(id, false);
            });
        }
    }

    private async Task Stay()
    {
        scope.Env.Changed(scope.Dot);
        foreach (var id in scope.State.Filesystems.Keys.Where(id => scope.Env.Index.Contains(id) && !scope.Env.Index.IsMounted(id)))
        {
            await scope.Mount(id);
        }
    }

    private async Task<List<FilesystemId>> Dirty()
    {
        var usage = await scope.Env.Storage.Usage([.. scope.State.Filesystems.Keys], scope.Env.Stopping);
        return [.. usage.Where(found => found.Value.DirtyBytes > 0).Select(found => found.Key)];
    }

    private async Task CommitRest(string by)
    {
        foreach (var id in await Dirty())
        {
            var metadata = new CommitMetadata(
            [
                KeyValuePair.Create("type", "migration"),
                KeyValuePair.Create("message", "Data that was not committed when the dot moved to another node"),
                KeyValuePair.Create("author", "system"),
            ]);
            var commit = new CommitId(scope.Env.Ids.NewId());
            await scope.On(id, "committing", null, async (storage, ct) =>
            {
                scope.Env.Index.Append(id, await storage.Commit(id, commit, metadata.Stamped(scope.Now), ct));
                scope.Env.Usage.Invalidate(id);
                // some drivers mount to commit, and nobody may write behind it
                await storage.Unmount(id, ct);
            });
            // the other copies follow who controls the dot next: now they would only be in the way
            await scope.Record(new DotEvents.Committed(id, commit, scope.Now, by), tellOthers: false);
        }
    }
}
