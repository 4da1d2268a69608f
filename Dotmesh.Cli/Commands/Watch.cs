using System.CommandLine;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary><c>--watch</c>: what a command shows, again whenever it changes, until Ctrl-C or <c>--timeout</c>.</summary>
internal static class Watch
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public static Option<bool> Option { get; } = Options.Flag("--watch", "-w", "Show it again whenever it changes.");

    /// <summary>Once, or as often as it changes when that was asked for.</summary>
    public static async Task Shown(Run run, Func<Task<string>> text)
    {
        if (!run.Value(Option))
        {
            await run.Terminal.Out.WriteAsync(await text());
            return;
        }

        using var turns = new PeriodicTimer(Pause, run.Clock);
        var before = "";
        try
        {
            do
            {
                // another run may have switched to another dot
                run.Reread();
                var now = await Now(text);
                if (now != before)
                {
                    // on a terminal in place, elsewhere one below the other
                    await run.Terminal.Out.WriteAsync(run.Terminal.OutIsTerminal ? $"\e[H\e[2J{now}" : now);
                    await run.Terminal.Out.FlushAsync();
                    before = now;
                }
            }
            while (await turns.WaitForNextTickAsync(run.Stop));
        }
        catch (OperationCanceledException) when (run.Stop.IsCancellationRequested)
        {
            // that is how it is ended
        }
    }

    /// <summary>A cluster that is away for a while is shown as that: who watches wants to see it come back.</summary>
    private static async Task<string> Now(Func<Task<string>> text)
    {
        try
        {
            return await text();
        }
        catch (DotmeshException away) when (away.Kind is FailureKind.Unreachable or FailureKind.Unavailable or FailureKind.Expired)
        {
            return away.Message + "\n";
        }
    }
}
