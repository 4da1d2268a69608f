using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>Operations that touch several filesystems of a dot; they run alone in it.</summary>
internal sealed class DotStructure(DotScope scope)
{
    public async Task<Outcome<DotProtocol.Reply>> Branch(DotProtocol.Branch branch)
    {
        if (DotDecisions.NewBranch(scope.State, branch.Source, branch.At, branch.Name).Refused(out var refusal))
        {
            return refusal;
        }

        var labels = scope.State.Labels(branch.Name);
        var origin = new CommitOrigin(branch.Source, branch.At);
        scope.Hit(FaultPoints.BranchBeforeStorage);
        await scope.On(branch.Source, "branching", null, async (storage, ct) =>
        {
            await storage.Branch(branch.Source, branch.At, branch.Id, labels, ct);
            scope.Env.Index.Put(new StoredFilesystem(branch.Id, origin, labels, true, []));
        });
        scope.Hit(FaultPoints.BranchAfterStorage);
        await scope.Record(new DotEvents.Branched(branch.Name, branch.Id, origin, scope.Now, branch.By));
        scope.Hit(FaultPoints.BranchAfterPersist);
        await scope.Project();
        scope.Hit(FaultPoints.BranchAfterProject);
        return new DotProtocol.Finished();
    }

    public async Task<Outcome<DotProtocol.Reply>> Rollback(DotProtocol.Rollback rollback)
    {
        if (DotDecisions.KnownCommit(scope.State, rollback.Filesystem, rollback.To).Refused(out var refusal))
        {
            return refusal;
        }

        await scope.Mark(DotStatus.Changing);
        scope.Hit(FaultPoints.RollbackAfterMark);
        await scope.Record(new DotEvents.RollbackBegun(rollback.Filesystem, rollback.To, scope.Now, rollback.By));
        scope.Hit(FaultPoints.RollbackAfterIntent);
        return (await FinishRollback(scope.State.Begun!)).Then<DotProtocol.Reply>(_ => new DotProtocol.Finished());
    }

    public async Task<Outcome<DotProtocol.Reply>> Stash(DotProtocol.Stash stash)
    {
        var found = DotDecisions.KnownCommit(scope.State, stash.Filesystem, stash.At);
        if (found.Refused(out var refusal))
        {
            return refusal;
        }

        var name = DotDecisions.StashName(scope.State, found.Value, scope.Now);
        await scope.Mark(DotStatus.Changing);
        scope.Hit(FaultPoints.StashAfterMark);
        await scope.Record(new DotEvents.StashBegun(stash.Filesystem, stash.At, name, stash.Id, scope.Now, stash.By));
        scope.Hit(FaultPoints.StashAfterIntent);
        return (await FinishStash(scope.State.Begun!)).Then<DotProtocol.Reply>(_ => new DotProtocol.Stashed(name));
    }

    /// <summary>What the journal says was begun, from wherever it stopped: both storage operations may be repeated.</summary>
    public Task<Outcome<Done>> Finish(BegunChange begun) => begun.Stash is null ? FinishRollback(begun) : FinishStash(begun);

    private async Task<Outcome<Done>> FinishRollback(BegunChange begun)
    {
        var touched = DotDecisions.TouchedByRollback(scope.State, begun.Filesystem).ToList();
        try
        {
            await scope.On(begun.Filesystem, "rolling back", null, async (storage, ct) =>
            {
                await storage.Rollback(begun.Filesystem, begun.To, ct);
                await scope.Refresh(touched);
            });
        }
        catch (StorageException failure)
        {
            return await Abandon(begun, failure);
        }

        scope.Hit(FaultPoints.RollbackAfterStorage);
        var changes = DotDecisions.Compare(scope.State, scope.InPool()).Changes;
        await scope.Record(new DotEvents.RolledBack(begun.Filesystem, begun.To, changes, scope.Now, begun.By));
        scope.Hit(FaultPoints.RollbackAfterPersist);
        await scope.Project();
        scope.Hit(FaultPoints.RollbackAfterProject);
        return default(Done);
    }

    private async Task<Outcome<Done>> FinishStash(BegunChange begun)
    {
        var stash = begun.Stash!.Value;
        var labels = scope.State.Labels(begun.Branch!);
        try
        {
            await scope.On(begun.Filesystem, "stashing", null, async (storage, ct) =>
            {
                await storage.Stash(begun.Filesystem, begun.To, stash, labels, ct);
                await scope.Refresh(scope.State.Filesystems.Keys.Append(stash));
            });
        }
        catch (StorageException failure)
        {
            return await Abandon(begun, failure);
        }

        scope.Hit(FaultPoints.StashAfterStorage);
        var changes = DotDecisions.Compare(scope.State, scope.InPool()).Changes;
        ImmutableArray<CommitId> commits = [.. scope.Env.Index.Commits(stash).Select(commit => commit.Id)];
        await scope.Record(new DotEvents.Stashed(
            begun.Filesystem, begun.To, begun.Branch!, stash, commits, changes, scope.Now, begun.By));
        scope.Hit(FaultPoints.StashAfterPersist);
        await scope.Project();
        scope.Hit(FaultPoints.StashAfterProject);
        return default(Done);
    }

    /// <summary>
    /// The pool refused. The dot goes on with what the pool has now, unless the filesystem itself is half way between two
    /// names: then the change stays begun and is tried again before anything else.
    /// </summary>
    private async Task<Outcome<Done>> Abandon(BegunChange begun, StorageException failure)
    {
        await scope.Refresh(begun.Stash is { } stash
            ? scope.State.Filesystems.Keys.Append(stash)
            : scope.State.Filesystems.Keys);
        if (!scope.Env.Index.Contains(begun.Filesystem) || (begun.Stash is { } half && scope.Env.Index.Contains(half)))
        {
            throw failure;
        }

        scope.Env.Log.LogWarning(failure, "dot {Dot}: {What} to {Commit} abandoned: {Message}",
            scope.Dot, begun.Stash is null ? "rollback" : "stash", begun.To, failure.Message);
        var changes = DotDecisions.Compare(scope.State, scope.InPool()).Changes;
        await scope.Record(new DotEvents.ChangeAbandoned(failure.Message, changes, scope.Now, begun.By));
        await scope.Project();
        return Refusals.From(failure);
    }
}
