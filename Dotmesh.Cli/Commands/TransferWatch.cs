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

    /// <summary>As long as a node needs to start again, and more.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromMinutes(5);

    public static async Task<int> ToItsEnd(Run run, string id)
    {
        var started = run.Clock.GetTimestamp();
        using var time = CancellationTokenSource.CreateLinkedTokenSource(run.Stop);
        if (run.Timeout is { } limit)
        {
            time.CancelAfter(limit);
        }

        try
        {
            var last = await TransferView.Shown(run, view => Follow(run, id, view, time.Token));
            if (!last.IsFailed())
            {
                run.Print("Done!");
                return ExitCodes.Done;
            }

            throw new CommandFailure(ExitCodes.Of(last.FailureKind()), last.Message, Hint(last));
        }
        catch (OperationCanceledException) when (time.IsCancellationRequested)
        {
            run.Note(run.Stop.IsCancellationRequested
                ? "\nInterrupted here; the transfer goes on on the cluster."
                : $"Not done after {Sizes.Duration(run.Clock.GetElapsedTime(started))}; the transfer goes on on the cluster.");
            run.Note($"Watch it: dm transfers watch {id}\nEnd it:   dm transfers cancel {id}");
            return ExitCodes.StillRunning;
        }
    }

    private static string Hint(Transfer failed)
    {
        var side = failed.Direction == TransferRequest.Push ? "there" : "here";
        bool Says(string text) => failed.Message.Contains(text, StringComparison.OrdinalIgnoreCase);
        return Says("diverged")
            ? $"Both sides have commits that the other lacks. Repeat it with --stash-on-divergence: what is only {side} is put aside as a branch."
            : Says("uncommitted") || Says("has been modified")
            ? $"Commit what was changed {side} first, or take it back with 'dm reset --hard HEAD'; --stash-on-divergence puts it aside as a branch."
            : $"When the cause is gone: dm transfers retry {failed.TransferRequestId}";
    }

    private static async Task<Transfer> Follow(Run run, string id, TransferView view, CancellationToken ct)
    {
        var heard = run.Clock.GetTimestamp();
        var pause = FirstPause;
        while (true)
        {
            try
            {
                var now = await run.Client.GetTransfer(id, ct);
                heard = run.Clock.GetTimestamp();
                view.Update(now);
                if (now.IsOver())
                {
                    return now;
                }
            }
            catch (DotmeshException failure) when (
                failure.Kind is FailureKind.Unreachable or FailureKind.Unavailable or FailureKind.Expired or FailureKind.Failed
                && run.Clock.GetElapsedTime(heard) < SilenceLimit)
            {
                view.Trouble($"Got error, trying again: {failure.Message}");
            }

            await Task.Delay(pause, run.Clock, ct);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }
}
