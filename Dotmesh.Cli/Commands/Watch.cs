using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Commands;

/// <summary><c>--watch</c>: what a command shows, again whenever it changes, until Ctrl-C or <c>--timeout</c>.</summary>
internal static class Watch
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>On a terminal in place; elsewhere one below the other.</summary>
    public static async Task Until(Run run, Func<Task<string>> text)
    {
        var started = run.Clock.GetTimestamp();
        using var turns = new PeriodicTimer(Pause, run.Clock);
        var before = "";
        try
        {
            do
            {
                var now = await text();
                if (now != before)
                {
                    run.Terminal.Out.Write(run.Terminal.OutIsTerminal ? $"\e[H\e[2J{now}" : now);
                    run.Terminal.Out.Flush();
                    before = now;
                }
            }
            while ((run.Timeout is not { } limit || run.Clock.GetElapsedTime(started) < limit) && await turns.WaitForNextTickAsync(run.Stop));
        }
        catch (OperationCanceledException) when (run.Stop.IsCancellationRequested)
        {
            // that is how it is ended
        }
    }
}
