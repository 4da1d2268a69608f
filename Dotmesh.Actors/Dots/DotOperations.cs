using System.Collections.Concurrent;
using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// The operations of a dot, written top down; each step is durable before the next begins, so that a crash between two
/// of them is mended by <see cref="Settle"/>: storage, event, directory, answer; an intent first where storage alone
/// would not tell what was meant.
/// </summary>
internal sealed class DotOperations(DotScope scope)
{
    private readonly DotStructure _structure = new(scope);
    private readonly DotDeletion _deletion = new(scope);
    private readonly DotSettling _settling = new(scope);
    private readonly DotHandover _handover = new(scope);
    private readonly DotReceiving _receiving = new(scope);
    private readonly DotRenaming _renaming = new(scope);
    private readonly DotMounts _mounts = new(scope);
    private readonly ConcurrentDictionary<(FilesystemId, CommitId), byte> _committing = new();

    public async Task<OperationEnd> Run(DotEnvelope envelope)
    {
        if (scope.Now >= envelope.Deadline)
        {
            return new(DotProtocol.Refused.From(Refusals.ExpiredInQueue()));
        }

        if (scope.Moved(envelope.Epoch) is { } moved)
        {
            return new(moved);
        }

        if (scope.Env.Fenced() is { } fenced)
        {
            return new(DotProtocol.Refused.From(fenced));
        }

        var (refusal, clean) = (default(Refusal), true);
        var interrupted = new InterruptedContainers(scope);
        try
        {
            var outcome = await Run(envelope.Payload, envelope.Deadline, interrupted);
            if (!outcome.Refused(out refusal))
            {
                return new(outcome.Value) { Afterwards = interrupted.StartAgain };
            }
        }
        catch (WaitedTooLongException)
        {
            refusal = Refusals.ExpiredInQueue();
        }
        catch (Exception failure)
        {
            (refusal, clean) = (Explain(failure, envelope.Payload.GetType().Name), false);
        }

        return new(DotProtocol.Refused.From(refusal!), clean) { Afterwards = interrupted.StartAgain };
    }

    /// <summary>Makes journal, pool and directory agree; null when they do.</summary>
    public async Task<Refusal?> Settle()
    {
        try
        {
            await _settling.Settle();
            return null;
        }
        catch (Exception failure)
        {
            return Explain(failure, "settle");
        }
    }

    private Task<Outcome<DotProtocol.Reply>> Run(
        DotProtocol.Command command, DateTimeOffset deadline, InterruptedContainers interrupted) => command switch
        {
            DotProtocol.Commit c => Commit(c, deadline),
            DotProtocol.Create c => Create(c),
            DotProtocol.Delete c => _deletion.Delete(c.By),
            DotProtocol.Rollback c => interrupted.During(new(c.Filesystem, null), Unknown(c.Filesystem, c.To), () => _structure.Rollback(c)),
            DotProtocol.Branch c => _structure.Branch(c),
            DotProtocol.Stash c => interrupted.During(new(c.Filesystem, null), Unknown(c.Filesystem, c.At), () => _structure.Stash(c)),
            DotProtocol.Switch c => interrupted.During(
                new(null, scope.State.Name), DotDecisions.Find(scope.State, c.To).Refusal, () => _mounts.Switch(c)),
            DotProtocol.AddCollaborator c => Share(c),
            DotProtocol.RemoveCollaborator c => Unshare(c),
            DotProtocol.Rename c => _renaming.Rename(c),
            DotProtocol.Mount c => _mounts.Mount(c, deadline),
            DotProtocol.MountCommit c => _mounts.MountCommit(c, deadline),
            DotProtocol.PredictSize c => PredictSize(c),
            DotProtocol.Rediscover c => _settling.Rediscover(c),
            DotProtocol.Wake c => _settling.Wake(c, _deletion),
            DotProtocol.SetReplication c => SetReplication(c),
            DotProtocol.HandOver c => _handover.HandOver(c, deadline),
            DotProtocol.GiveBack c => _handover.GiveBack(c),
            DotProtocol.TakeIn c => _settling.TakeIn(c),
            DotProtocol.Receive c => _receiving.Receive(c),
            _ => throw new InvalidOperationException($"dot {scope.Dot}: no operation for {command.GetType().Name}"),
        };

    private Refusal? Unknown(FilesystemId filesystem, CommitId commit) => DotDecisions.KnownCommit(scope.State, filesystem, commit).Refusal;

    private async Task<Outcome<DotProtocol.Reply>> Create(DotProtocol.Create create)
    {
        if (scope.State.Phase != DotPhase.Absent)
        {
            if (scope.State.Phase != DotPhase.Active || scope.Env.Directory.Find(scope.Dot)?.Status != DotStatus.Creating)
            {
                return Refusals.DotExists(create.Name, scope.Dot);
            }

            // made by an earlier attempt that was never answered
            await scope.Project();
            return new DotProtocol.Finished();
        }

        var labels = new FilesystemLabels(
            scope.Dot, create.Name, "", create.OwnerId, create.OwnerName, ImmutableSortedDictionary<string, string>.Empty);
        ImmutableArray<CommitId> commits;
        try
        {
            commits = await scope.On(scope.Dot, "creating", null, (storage, ct) => MakeWithInitialCommit(storage, labels, ct));
        }
        catch (StorageException failure)
        {
            await Undo();
            return new Refusal(Refusals.From(failure).Code, $"Could not create volume {create.Name}: {failure.Message}");
        }

        await scope.Record(new DotEvents.Created(
            scope.Dot, create.Name, create.OwnerId, create.OwnerName, scope.Env.Node, 1, commits, scope.Now, create.By));
        scope.Hit(FaultPoints.CreateAfterPersist);
        await scope.Project();
        scope.Hit(FaultPoints.CreateAfterProject);
        return new DotProtocol.Finished();
    }

    private async Task<ImmutableArray<CommitId>> MakeWithInitialCommit(
        IStorage storage, FilesystemLabels labels, CancellationToken ct)
    {
        var there = await MakeOrFind(storage, labels, ct);
        scope.Hit(FaultPoints.CreateAfterStorage);
        if (there.Commits.Length > 0)
        {
            return [.. there.Commits.Select(commit => commit.Id)];
        }

        var metadata = new CommitMetadata(
        [
            KeyValuePair.Create("type", "dotmesh.initial"),
            KeyValuePair.Create("message", "Initial commit"),
            KeyValuePair.Create("author", "admin"),
        ]);
        var initial = await storage.Commit(
            scope.Dot, new CommitId(scope.Env.Ids.NewId()), metadata.Stamped(scope.Now), ct);
        scope.Env.Index.Append(scope.Dot, initial);
        scope.Hit(FaultPoints.CreateAfterInitialCommit);
        return [initial.Id];
    }

    /// <summary>Made at once, because it nearly always is new; asked for only when an earlier attempt had made it.</summary>
    private async Task<StoredFilesystem> MakeOrFind(IStorage storage, FilesystemLabels labels, CancellationToken ct)
    {
        try
        {
            await storage.Create(scope.Dot, labels, ct);
        }
        catch (StorageException made) when (made.Failure == StorageFailure.AlreadyExists)
        {
            await scope.Refresh([scope.Dot]);
            if (scope.Env.Index.Find(scope.Dot) is { } found)
            {
                return found;
            }

            throw;
        }

        var created = new StoredFilesystem(scope.Dot, null, labels, true, []);
        scope.Env.Index.Put(created);
        return created;
    }

    /// <summary>The pool refused: leave no filesystem and no held name behind.</summary>
    private async Task Undo()
    {
        await scope.On(scope.Dot, "deleting", null, (storage, ct) => storage.Destroy(scope.Dot, ct));
        scope.Env.Index.Remove(scope.Dot);
        await scope.Env.Directory.Remove(scope.Dot, scope.Env.Stopping);
    }

    /// <summary>The hot path: one storage call and one journal write.</summary>
    private async Task<Outcome<DotProtocol.Reply>> Commit(DotProtocol.Commit commit, DateTimeOffset deadline)
    {
        if (DotDecisions.NewCommit(scope.State, commit.Filesystem, commit.Id).Refused(out var refusal))
        {
            return refusal;
        }

        var where = DotDecisions.Where(scope.State, scope.State.Filesystems[commit.Filesystem]);
        if (!_committing.TryAdd((commit.Filesystem, commit.Id), 0))
        {
            return Refusals.CommitExists(commit.Id, where);
        }

        try
        {
            scope.Hit(FaultPoints.CommitBeforeStorage);
            await scope.On(commit.Filesystem, "committing", deadline, async (storage, ct) =>
            {
                var made = await storage.Commit(commit.Filesystem, commit.Id, commit.Metadata.Stamped(scope.Now), ct);
                scope.Env.Index.Append(commit.Filesystem, made);
                scope.Env.Usage.Invalidate(commit.Filesystem);
            });
            scope.Hit(FaultPoints.CommitAfterStorage);
            await scope.Record(new DotEvents.Committed(commit.Filesystem, commit.Id, scope.Now, commit.By));
            scope.Hit(FaultPoints.CommitAfterPersist);
            return new DotProtocol.Committed(commit.Id);
        }
        catch (StorageException failure) when (failure.Failure == StorageFailure.AlreadyExists)
        {
            return Refusals.CommitExists(commit.Id, where);
        }
        finally
        {
            _committing.TryRemove((commit.Filesystem, commit.Id), out _);
        }
    }

    private async Task<Outcome<DotProtocol.Reply>> SetReplication(DotProtocol.SetReplication set)
    {
        if (DotDecisions.Find(scope.State, scope.Dot).Refused(out var refusal))
        {
            return refusal;
        }

        await scope.Record(new DotEvents.ReplicationSet(set.Copies, scope.Now, set.By));
        await scope.Project();
        return new DotProtocol.Finished();
    }

    private async Task<Outcome<DotProtocol.Reply>> Share(DotProtocol.AddCollaborator add)
    {
        if (DotDecisions.Find(scope.State, scope.Dot).Refused(out var refusal))
        {
            return refusal;
        }

        if (scope.State.Collaborators.ContainsKey(add.UserId))
        {
            return new DotProtocol.Finished();
        }

        return await Relabel(
            scope.State.Collaborators.SetItem(add.UserId, add.UserName),
            new DotEvents.CollaboratorAdded(add.UserId, add.UserName, scope.Now, add.By));
    }

    private async Task<Outcome<DotProtocol.Reply>> Unshare(DotProtocol.RemoveCollaborator remove)
    {
        if (DotDecisions.Find(scope.State, scope.Dot).Refused(out var refusal)
            || DotDecisions.RemoveCollaborator(scope.State, remove.UserId).Refused(out refusal))
        {
            return refusal;
        }

        return await Relabel(
            scope.State.Collaborators.Remove(remove.UserId),
            new DotEvents.CollaboratorRemoved(remove.UserId, scope.Now, remove.By));
    }

    private async Task<Outcome<DotProtocol.Reply>> Relabel(
        ImmutableSortedDictionary<string, string> collaborators, DotEvents.Event happened)
    {
        var labels = scope.State.Labels("") with { Collaborators = collaborators };
        scope.Hit(FaultPoints.ShareBeforeStorage);
        await scope.On(scope.Dot, "sharing", null, (_, ct) => scope.Env.SetLabels(scope.Dot, labels, ct));
        scope.Hit(FaultPoints.ShareAfterStorage);
        await scope.Record(happened);
        scope.Hit(FaultPoints.ShareAfterPersist);
        await scope.Project();
        scope.Hit(FaultPoints.ShareAfterProject);
        return new DotProtocol.Finished();
    }

    // only reads and may take long: beside the filesystem's queue, so that commits go on
    private async Task<Outcome<DotProtocol.Reply>> PredictSize(DotProtocol.PredictSize predict)
    {
        if (DotDecisions.KnownCommit(scope.State, predict.Range.Filesystem, predict.Range.To).Refused(out var refusal))
        {
            return refusal;
        }

        return new DotProtocol.Predicted(await scope.Env.Storage.PredictSize(predict.Range, scope.Env.Stopping));
    }

    private Refusal Explain(Exception failure, string what)
    {
        switch (failure)
        {
            case StorageException storage:
                scope.Env.Log.LogWarning(failure, "dot {Dot}: {What}: {Message}", scope.Dot, what, failure.Message);
                return Refusals.From(storage);
            case InjectedFaultException injected:
                scope.Env.Log.LogWarning("dot {Dot}: {What}: fault point {Point} fired", scope.Dot, what, injected.Point);
                return Refusals.From(injected);
            case LeaseOverdueException:
                return Refusals.LeaseOverdueAfter(scope.Dot);
            case JournalException { Fenced: true }:
                return Refusals.Fenced(scope.Dot);
            case JournalException { InnerException: not null }:
                return Refusals.JournalFailed(scope.Dot);
            case JournalException or OperationCanceledException:
                return Refusals.Stopping(scope.Dot);
            default:
                // whatever else went wrong (a database, a bug), the caller is answered and the log has all of it
                scope.Env.Log.LogError(failure, "dot {Dot}: {What} failed", scope.Dot, what);
                return new Refusal(RefusalCode.Unavailable, $"{what} of dot {scope.Dot} failed: {failure.Message}");
        }
    }
}
