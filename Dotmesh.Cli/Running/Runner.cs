using System.CommandLine;
using Dotmesh.Cli.Config;
using Dotmesh.Cli.Output;
using Dotmesh.Client;

namespace Dotmesh.Cli.Running;

/// <summary>Runs a command and turns what went wrong into a text and an exit code, in one place.</summary>
internal static class Runner
{
    public static async Task<int> Go(ParseResult parsed, Verb verb, Func<Run, Task<int>> body, CancellationToken stop)
    {
        var terminal = Terminal.OfProcess();
        var file = parsed.GetValue(Globals.Config) is { Length: > 0 } path ? new ConfigFile(path) : ConfigFile.Default;
        using var run = new Run(parsed, verb, terminal, file, stop);
        try
        {
            return await body(run);
        }
        catch (CommandFailure failure)
        {
            Say(terminal, failure.Message, failure.Hint);
            return failure.ExitCode;
        }
        catch (DotmeshException failure)
        {
            Say(terminal, failure.Message, HintFor(failure, run));
            return ExitCodes.Of(failure.Kind);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            terminal.Error.WriteLine("Interrupted.");
            return ExitCodes.Error;
        }
        catch (IOException broken) when (IsClosedPipe(broken))
        {
            // whoever read the output has enough
            return ExitCodes.Done;
        }
        finally
        {
            Flush(terminal);
        }
    }

    private static void Say(Terminal terminal, string message, string? hint)
    {
        Flush(terminal);
        terminal.Error.WriteLine(message);
        if (hint is not null)
        {
            terminal.Error.WriteLine(hint);
        }
    }

    private static string? HintFor(DotmeshException failure, Run run) => failure.Kind switch
    {
        FailureKind.Unauthorized =>
            $"Check the user and the API key of the remote in {run.File.Path}, or 'dm remote rm' and 'dm remote add' it again.",
        FailureKind.Unreachable => "Is the cluster running? 'dm remote -v' shows where it is looked for.",
        FailureKind.Expired => "It may have been done all the same: look before you repeat it.",
        FailureKind.Unavailable or FailureKind.Failed when failure.RequestId is { } id => $"(request {id}: the log of the node has more under that id)",
        _ => null,
    };

    private static void Flush(Terminal terminal)
    {
        try
        {
            terminal.Out.Flush();
        }
        catch (IOException broken) when (IsClosedPipe(broken))
        {
        }
    }

    // EPIPE
    private static bool IsClosedPipe(IOException failure) =>
        failure.Message.Contains("Broken pipe", StringComparison.OrdinalIgnoreCase) || (failure.HResult & 0xFFFF) == 32;
}
