using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Dots;

/// <summary>Commits of another cluster go into a dot: the end of a pull, and of a push to here (contract 6.3).</summary>
internal sealed class DotReceiving(DotScope scope)
{
    /// <summary>Never here, or deleted since.</summary>
    private bool IsNew => scope.State.Phase is DotPhase.Absent or DotPhase.Deleted;

    /// <summary>The command is answered, and so is the arrival; who waits for the second one has no deadline.</summary>
    public async Task<Outcome<DotProtocol.Reply>> Receive(DotProtocol.Receive receive)
    {
        if (scope.Env.Arrivals.Take(receive.Ticket) is not { } arrival)
        {
            return new Refusal(
                RefusalCode.Conflict, $"The data for filesystem {receive.Range.Filesystem} is not on node {scope.Env.Node} any more: transfer it again.");
        }

        try
        {
            var outcome = await Receive(receive, arrival);
            arrival.Ended.TrySetResult(outcome);
            return outcome.Then<DotProtocol.Reply>(_ => new DotProtocol.Finished());
        }
        catch (Exception failure)
        {
            // it is explained once, where all operations are; whoever waits for the arrival explains it for itself
            arrival.Ended.TrySetException(failure);
            throw;
        }
    }

    private async Task<Outcome<Done>> Receive(DotProtocol.Receive receive, Arrival arrival)
    {
        var id = receive.Range.Filesystem;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(arrival.Ct, scope.Env.Stopping);
        return await scope.On(id, "receiving", null, async (storage, _) =>
        {
            // decided when it is its turn: another stream for the same filesystem may have come before
            var labels = Labels(receive);
            if (labels.Refused(out var refusal))
            {
                return refusal;
            }

            if (!IsNew && await scope.Env.Containers.Users([id], limit.Token) is { Length: > 0 } users)
            {
                return Refusals.InUseToWrite(users);
            }

            try
            {
                scope.Hit(FaultPoints.ReceiveBeforeStorage);
                await arrival.Apply(storage, labels.Value, limit.Token);
            }
            catch (Exception) when (IsNew)
            {
                await GiveNameBack(id);
                throw;
            }
            finally
            {
                await scope.Refresh([id]);
            }

            scope.Hit(FaultPoints.ReceiveAfterStorage);
            await Record(receive, labels.Value);
            scope.Hit(FaultPoints.ReceiveAfterPersist);
            await scope.Project();
            return (Outcome<Done>)default(Done);
        });
    }

    /// <summary>What the filesystem is to be labelled with, or why nothing may go into it.</summary>
    private Outcome<FilesystemLabels> Labels(DotProtocol.Receive receive)
    {
        if (!IsNew)
        {
            return DotDecisions.Arriving(scope.State, receive.Range, receive.BranchName);
        }

        return scope.Env.Directory.Find(scope.Dot) is { Status: DotStatus.Creating } row
            && receive.Range is { From: null } range && range.Filesystem == scope.Dot
            ? new FilesystemLabels(
                scope.Dot, row.Name, "", row.OwnerId, row.OwnerName, ImmutableSortedDictionary<string, string>.Empty)
            {
                Epoch = row.Epoch,
            }
            : Refusals.NoSuchFilesystem(receive.Range.Filesystem);
    }

    private async Task Record(DotProtocol.Receive receive, FilesystemLabels labels)
    {
        var id = receive.Range.Filesystem;
        ImmutableArray<CommitId> commits = [.. scope.Env.Index.Commits(id).Select(commit => commit.Id)];
        if (IsNew)
        {
            await scope.Record(new DotEvents.Adopted(
                scope.Dot, labels.Name, labels.OwnerId, labels.OwnerName, scope.Env.Node, labels.Epoch, labels.Collaborators, commits,
                scope.Now, receive.By));
        }
        else if (scope.State.Filesystems.GetValueOrDefault(id) is { } branch)
        {
            await scope.Record(new DotEvents.CommitsAdopted(
                id, [.. commits.Where(commit => !branch.Commits.Contains(commit))], scope.Now, receive.By));
        }
        else
        {
            await scope.Record(new DotEvents.BranchAdopted(
                receive.BranchName, id, receive.Range.From!, commits, scope.Now, receive.By));
        }
    }

    /// <summary>Nothing came of a dot that was to be made: its name is free again.</summary>
    private async Task GiveNameBack(FilesystemId id)
    {
        if (await scope.Env.Storage.Find(id, scope.Env.Stopping) is null)
        {
            await scope.Env.Directory.Remove(scope.Dot, scope.Env.Stopping);
        }
    }
}
