using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>
/// Follows a transfer to its end (contract 6.1). The transfer runs on the cluster: when this program is interrupted, or its time is up, it goes on
/// there, and the user is told how to come back to it.
/// </summary>
internal static class TransferWatch
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(20);

    /// <summary>As long as a node needs to start again, and more.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromMinutes(5);

    public static async Task<int> ToItsEnd(Run run, string id)
    {
        var started = run.Clock.GetTimestamp();
        try
        {
            if (await TransferView.Shown(run, view => Follow(run, id, view)) is not { } last)
            {
                run.Note($"Nothing was heard of the transfer for {Sizes.Duration(SilenceLimit)}; it goes on when its cluster does.");
                return LeftAlone(run, id);
            }

            if (last.IsFailed())
            {
                throw new CommandFailure(
                    ExitCodes.Of(last.FailureKind()), last.Message,
                    Hint(last.Direction, last.Message) ?? $"When the cause is gone: dm transfers retry {last.TransferRequestId}");
            }

            run.Show("Done!\n", TransferCommands.Json(last), last.TransferRequestId);
            return ExitCodes.Done;
        }
        catch (OperationCanceledException) when (run.Stop.IsCancellationRequested)
        {
            run.Note(run.Interrupt.IsCancellationRequested
                ? "\nInterrupted here; the transfer goes on on the cluster."
                : $"Not done after {Sizes.Duration(run.Clock.GetElapsedTime(started))}; the transfer goes on on the cluster.");
            return LeftAlone(run, id);
        }
    }

    private static int LeftAlone(Run run, string id)
    {
        run.Note($"Watch it: dm transfers watch {id}\nEnd it:   dm transfers cancel {id}");
        return ExitCodes.StillRunning;
    }

    /// <summary>What to do about a transfer that was refused or failed; null when its text is not known.</summary>
    public static string? Hint(string direction, string message)
    {
        var side = direction == TransferRequest.Push ? "there" : "here";
        bool Says(string text) => message.Contains(text, StringComparison.OrdinalIgnoreCase);
        return Says("diverged")
            ? $"Both sides have commits that the other lacks. Repeat it with --stash-on-divergence: what is only {side} is put aside as a branch."
            : Says("uncommitted") || Says("has been modified")
            ? $"Commit what was changed {side} first, or take it back with 'dm reset --hard HEAD'; --stash-on-divergence puts it aside as a branch."
            : Says("active containers running") && direction == TransferRequest.Pull
            ? "Stop them, or repeat it with --stop-containers: they are stopped for as long as it takes, and started again."
            : null;
    }

    /// <summary>Null: nothing was heard for too long.</summary>
    private static async Task<Transfer?> Follow(Run run, string id, TransferView view)
    {
        var heard = run.Clock.GetTimestamp();
        var pause = FirstPause;
        while (true)
        {
            try
            {
                var now = await Asked(run, id);
                heard = run.Clock.GetTimestamp();
                view.Update(now);
                if (now.IsOver())
                {
                    return now;
                }
            }
            catch (DotmeshException failure) when (
                failure.Kind is FailureKind.Unreachable or FailureKind.Unavailable or FailureKind.Expired or FailureKind.Failed)
            {
                if (run.Clock.GetElapsedTime(heard) > SilenceLimit)
                {
                    return null;
                }

                view.Trouble($"Got error, trying again: {failure.Message}");
            }

            await Task.Delay(pause, run.Clock, run.Stop);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>The user's patience is for the transfer; a single question that is not answered is asked again.</summary>
    private static async Task<Transfer> Asked(Run run, string id)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(run.Stop);
        limit.CancelAfter(AnswerLimit);
        try
        {
            return await run.Client.GetTransfer(id, limit.Token);
        }
        catch (OperationCanceledException late) when (!run.Stop.IsCancellationRequested)
        {
            throw new DotmeshException(FailureKind.Expired, $"no answer within {AnswerLimit.TotalSeconds:0} s", inner: late);
        }
    }
}
