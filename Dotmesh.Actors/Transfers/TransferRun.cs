using Dotmesh.Actors.Database;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// A transfer from its beginning to its end, written top down (contract 6.2, 6.3). It may be begun again at any time, by any node that
/// controls the dot: what is complete is found to be so and passed over.
/// </summary>
internal sealed class TransferRun(TransferScope scope, TransferParts parts)
{
    /// <summary>Ends when the transfer is over, when this node does not control the dot any more, or with the journal.</summary>
    public async Task Go()
    {
        try
        {
            if (scope.State.Record is null)
            {
                await scope.Write(new TransferEvents.Asked(StoredRecord.Of(scope.Row.Record), scope.Row.AskedBy, parts.Now));
            }

            await scope.Write(new TransferEvents.Begun(parts.Env.Node, parts.Now));
            if (await Run() is { } failure)
            {
                parts.Env.Log.LogWarning("transfer {Transfer}: {Failure}", scope.Row.Id, failure.Message);
                await scope.Write(new TransferEvents.Failed(failure.Message, parts.Now));
            }
        }
        catch (OperationCanceledException) when (scope.CancelledBy is { } by)
        {
            var name = parts.Users.FindById(by)?.Name ?? by;
            await scope.Write(new TransferEvents.Failed($"Cancelled by {name}.", parts.Now));
        }
        catch (ControlMovedException moved)
        {
            parts.Env.Log.LogInformation("transfer {Transfer}: {Why}; it goes on there", scope.Row.Id, moved.Message);
        }
        catch (Exception ended) when (ended is JournalException or OperationCanceledException)
        {
            parts.Env.Log.LogInformation("transfer {Transfer}: its run ends here ({Why}); it is gone on with", scope.Row.Id, ended.Message);
        }
        catch (Exception bug) when (bug is not DatabaseException)
        {
            parts.Env.Log.LogError(bug, "transfer {Transfer} failed", scope.Row.Id);
            await scope.Write(new TransferEvents.Failed($"Transfer failed with: {bug.Message}", parts.Now));
        }
    }

    private async Task<TransferFailure?> Run()
    {
        if (scope.Row.Request is not { } stored || parts.Unseal(scope.Row.Secret, scope.Row.Id) is not { } key)
        {
            return new TransferFailure("no-key", "the key of the peer cannot be read: the cluster secret is another one; ask for the transfer again");
        }

        if (parts.Users.FindById(scope.Row.AskedBy) is not { } user)
        {
            return new TransferFailure("no-user", "who asked for it is no user any more");
        }

        var caller = new Caller(user, AuthenticationType.ApiKey);
        var request = stored.With(key);
        var opened = await Open(caller, request);
        if (opened.Refused(out var refusal))
        {
            return new TransferFailure("error-opening", refusal.Message);
        }

        var containers = new TransferContainers(parts, request);
        try
        {
            foreach (var segment in TransferPlan.Of(opened.Value.Path))
            {
                await scope.Write(new TransferEvents.SegmentEntered(segment.Index, segment.Total, segment.Filesystem, parts.Now));
                var run = new SegmentRun(scope, parts, caller, request, opened.Value, segment, containers);
                if (await Move(run, segment.Index == segment.Total ? containers : null) is { } failure)
                {
                    return segment.Total > 1 ? failure.OfPath() : failure;
                }
            }

            return null;
        }
        finally
        {
            await containers.StartAgain();
        }
    }

    /// <summary>A peer that does not answer gets the same patience as a segment.</summary>
    private async Task<Outcome<OpenedTransfer>> Open(Caller caller, TransferRequest request)
    {
        var opener = new TransferOpener(parts);
        for (var attempt = 1; ; attempt++)
        {
            var opened = await opener.Open(caller, request, scope.Ending);
            if (opened.Refusal is not { Code: RefusalCode.Unavailable } away || TransferDecisions.PauseAfter(attempt) is not { } pause)
            {
                return opened;
            }

            await scope.Write(new TransferEvents.TryFailed(attempt, away.Message, parts.Now));
            await Task.Delay(pause, parts.Env.Time, scope.Ending);
            await scope.Write(new TransferEvents.Compared(parts.Now));
        }
    }

    /// <summary>Tries are counted as long as they bring nothing. Null when the segment is complete.</summary>
    /// <param name="ending">Started again before the last segment is said to be finished: whoever waits for that finds them.</param>
    private async Task<TransferFailure?> Move(SegmentRun segment, TransferContainers? ending)
    {
        for (var attempt = 1; ; attempt++)
        {
            var result = await segment.Try();
            attempt = result is SegmentResult.TryFailed { Advanced: true } ? 1 : attempt;
            switch (result)
            {
                case SegmentResult.Complete complete:
                    var unable = ending is null ? null : await ending.StartAgain();
                    await scope.Write(new TransferEvents.SegmentFinished(
                        unable is null ? complete.Message : $"The data are here, but {unable}.", complete.SentBytes, parts.Now));
                    return null;
                case SegmentResult.GivenUp given:
                    return given.Failure;
                case SegmentResult.TryFailed failed when TransferDecisions.PauseAfter(attempt) is { } pause:
                    await scope.Write(new TransferEvents.TryFailed(
                        attempt, TransferDecisions.RetryMessage(segment.Direction, segment.Filesystem, failed.Failure), parts.Now));
                    await Task.Delay(failed.AtOnce ? TimeSpan.Zero : pause, parts.Env.Time, scope.Ending);
                    await scope.Write(new TransferEvents.Compared(parts.Now));
                    break;
                case SegmentResult.TryFailed failed:
                    return segment.Direction == TransferDirection.Pull ? TransferFailure.TriedTooOften(failed.Failure) : failed.Failure;
            }
        }
    }
}

/// <summary>Another node controls the dot now.</summary>
internal sealed class ControlMovedException(StorageNodeId? node)
    : Exception(node is { } now ? $"node {now} controls its dot now" : "its dot is not here any more");

/// <summary>How one try of a segment ended.</summary>
internal abstract record SegmentResult
{
    public sealed record Complete(string Message, long SentBytes) : SegmentResult;

    /// <param name="AtOnce">Nothing went wrong: something had to be moved out of the way first.</param>
    /// <param name="Advanced">It came further than the one before it.</param>
    public sealed record TryFailed(TransferFailure Failure, bool AtOnce = false, bool Advanced = false) : SegmentResult;

    /// <summary>Trying again changes nothing.</summary>
    public sealed record GivenUp(TransferFailure Failure) : SegmentResult;
}
