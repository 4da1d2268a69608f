using System.Globalization;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Commands;

/// <summary><c>dm cluster stop</c>: the end of a node that <c>dm cluster init</c> started, in order.</summary>
internal static class ClusterStop
{
    /// <summary>A node hands its dots over and answers its callers first.</summary>
    private static readonly TimeSpan UsualLimit = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(100);

    public static Verb Verb() => new Verb("stop", "", "Stop the node that 'dm cluster init' started on this machine.")
    {
        Remarks = "Its dots stay where they are; 'dm cluster init' starts it again.",
    }
        .Example("dm cluster stop")
        .Does(async run =>
        {
            run.NoWords();
            var file = ClusterInit.ProcessFile(run);
            if (Process(file) is not { } process)
            {
                throw new CommandFailure(ExitCodes.NotFound, $"No node runs that 'dm cluster init' started ({file}).");
            }

            using (var kill = Launch.Program("kill", ["-TERM", process]))
            {
                await kill.WaitForExitAsync(run.Stop);
            }

            await Gone(run, process);
            File.Delete(file);
            run.Print("The node is stopped.");
        });

    /// <summary>Null when there is none, or the number is another program's by now.</summary>
    private static string? Process(string file)
    {
        try
        {
            var process = File.ReadAllText(file).Trim();
            return int.TryParse(process, CultureInfo.InvariantCulture, out _) && Answering.Runs(process)
                && File.ReadAllText($"/proc/{process}/cmdline").Contains("Dotmesh.Node", StringComparison.Ordinal)
                ? process
                : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static async Task Gone(Run run, string process)
    {
        var (started, limit) = (run.Clock.GetTimestamp(), run.Timeout ?? UsualLimit);
        using var turns = new PeriodicTimer(Turn, run.Clock);
        while (Answering.Runs(process))
        {
            if (run.Clock.GetElapsedTime(started) > limit)
            {
                throw new CommandFailure(ExitCodes.StillRunning, $"The node (process {process}) still stops after {Sizes.Duration(limit)}.");
            }

            await turns.WaitForNextTickAsync(run.Interrupt);
        }
    }
}
