using System.CommandLine;
using Dotmesh.Cli.Config;
using Dotmesh.Cli.Help;
using Dotmesh.Cli.Output;
using Dotmesh.Client;

namespace Dotmesh.Cli.Running;

/// <summary>Runs a command and turns what went wrong into a text and an exit code, in one place.</summary>
internal static class Runner
{
    public static async Task<int> Go(ParseResult parsed, Verb verb, Func<Run, Task<int>> body)
    {
        var terminal = Terminal.OfProcess();
        var file = parsed.GetValue(Globals.Config) is { Length: > 0 } path ? new ConfigFile(path) : ConfigFile.Default;
        using var interrupts = new Interrupts();
        using var run = new Run(parsed, verb, terminal, file, interrupts.Token);
        try
        {
            var code = await body(run);
            await terminal.Out.FlushAsync();
            return code;
        }
        catch (Exception failure)
        {
            return await Failed(run, failure);
        }
    }

    private static async Task<int> Failed(Run run, Exception failure)
    {
        switch (failure)
        {
            case CommandFailure known:
                Say(run, known.Message, known.Hint, Request(known.RequestId));
                return known.ExitCode;
            case DotmeshException call:
                Say(run, call.Message, await Hint(call, run), Request(CommandFailure.Explained(call)));
                return call.Kind == FailureKind.Expired && !run.Verb.Changes ? ExitCodes.Error : ExitCodes.Of(call.Kind);
            case OperationCanceledException when run.Stop.IsCancellationRequested:
                Say(
                    run, run.Interrupt.IsCancellationRequested ? "Interrupted." : $"Not done within {Sizes.Duration(run.Timeout ?? default)}.",
                    run.Verb.Changes ? "What was asked of the cluster may go on there: look before you repeat it ('dm status', 'dm transfers ls')." : null);
                return run.Verb.Changes ? ExitCodes.StillRunning : ExitCodes.Error;
            case IOException broken when IsClosedPipe(broken):
                // whoever read the output has enough
                return ExitCodes.Done;
            case IOException or UnauthorizedAccessException:
                Say(run, failure.Message);
                return ExitCodes.Error;
            default:
                Say(run, $"{failure.GetType().Name}: {failure.Message}", run.IsVerbose ? failure.StackTrace : "This is a defect of dm: --verbose shows where.");
                return ExitCodes.Error;
        }
    }

    private static void Say(Run run, params ReadOnlySpan<string?> lines)
    {
        try
        {
            run.Terminal.Out.Flush();
        }
        catch (IOException)
        {
            // where the data went is full or gone; the reason is said below
        }

        foreach (var line in lines)
        {
            if (line is { Length: > 0 })
            {
                run.Terminal.Error.WriteLine(line);
            }
        }
    }

    private static string? Request(string? id) => id is null ? null : $"(request {id}: the log of the node has more under that id)";

    private static async Task<string?> Hint(DotmeshException failure, Run run) => failure.Kind switch
    {
        FailureKind.Unauthorized =>
            $"Check the user and the API key of the remote in {run.File.Path}, or 'dm remote rm' and 'dm remote add' it again.",
        FailureKind.Unreachable => "Is the cluster running? 'dm remote -v' shows where it is looked for.",
        FailureKind.Expired => "It may have been done all the same: look before you repeat it.",
        FailureKind.Unavailable => "Repeating it later may work: 'dm cluster status' says how the cluster is.",
        FailureKind.NotFound when !run.Stop.IsCancellationRequested => await Completion.DidYouMean(run),
        _ => null,
    };

    // EPIPE
    private static bool IsClosedPipe(IOException failure) =>
        failure.Message.Contains("Broken pipe", StringComparison.OrdinalIgnoreCase) || (failure.HResult & 0xFFFF) == 32;
}
