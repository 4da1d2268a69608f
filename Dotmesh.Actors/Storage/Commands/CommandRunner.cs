using System.Collections;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Storage.Commands;

/// <summary>
/// The only place that starts processes. Bounded in number, in captured output and in silence: a command is killed, with
/// all it started, when it is cancelled or makes no progress, never for taking long.
/// </summary>
public sealed partial class CommandRunner : IDisposable
{
    private readonly CommandRunnerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ICommandObserver? _observer;
    private readonly PollLoop _loop = new();
    private readonly NativeStrings _environment;
    private readonly SemaphoreSlim _commands;
    private readonly SemaphoreSlim _streams;

    public CommandRunner(
        CommandRunnerOptions options, TimeProvider time, ILoggerFactory log, ICommandObserver? observer = null)
    {
        (_options, _time, _observer) = (options, time, observer);
        _log = log.CreateLogger<CommandRunner>();
        _commands = new SemaphoreSlim(options.MaxCommands);
        _streams = new SemaphoreSlim(options.MaxStreams);
        // what is parsed is printed in the C locale
        _environment = new NativeStrings([
            .. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
                .Where(v => v.Key is not ("LC_ALL" or "LANG" or "LANGUAGE"))
                .Select(v => $"{v.Key}={v.Value}"),
            "LC_ALL=C",
        ]);
    }

    /// <summary>
    /// Runs to the end. A non-zero exit is a result; a missing program, a signal, a stall or too much output is a
    /// <see cref="StorageException"/>; what <see cref="Command.Input"/> or <see cref="Command.Output"/> throws ends the
    /// command and is thrown on.
    /// </summary>
    public async Task<CommandResult> Run(Command command, CancellationToken ct)
    {
        var started = _time.GetTimestamp();
        var outcome = "failed";
        try
        {
            var result = await InTurn(command, ct);
            outcome = result.ExitCode.ToString(CultureInfo.InvariantCulture);
            return result;
        }
        catch (StorageException failure)
        {
            outcome = failure.Failure.ToString();
            throw;
        }
        catch (OperationCanceledException)
        {
            outcome = "canceled";
            throw;
        }
        finally
        {
            var elapsed = _time.GetElapsedTime(started);
            _observer?.Ended(command, elapsed, outcome);
            LogEnded(command, outcome, elapsed.TotalMilliseconds);
        }
    }

    public void Dispose()
    {
        _loop.Dispose();
        _environment.Dispose();
        _commands.Dispose();
        _streams.Dispose();
    }

    private async Task<CommandResult> InTurn(Command command, CancellationToken ct)
    {
        var turn = command.IsStream ? _streams : _commands;
        if (!await turn.WaitAsync(command.IsStream ? Timeout.InfiniteTimeSpan : _options.StallAfter, ct))
        {
            throw new StorageException(StorageFailure.CommandStalled,
                $"'{command}' was not started: {_options.MaxCommands} commands before it have not ended. Is the pool suspended?");
        }

        var run = new CommandRun(command, _options, _time);
        try
        {
            var (process, error) = ChildProcess.Start(command, _environment, _loop, _time);
            return process is null ? throw NotStarted(command, error) : await run.Finish(process, ct);
        }
        finally
        {
            if (run.Leftover is { IsCompleted: false } stuck)
            {
                LogStuck(command);
                _ = ReleaseAfter(stuck, turn);
            }
            else
            {
                run.Dispose();
                turn.Release();
            }
        }
    }

    /// <summary>A process that even a kill does not end keeps its turn, so that such processes stay few.</summary>
    private static async Task ReleaseAfter(Task stuck, SemaphoreSlim turn)
    {
        await stuck.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        turn.Release();
    }

    private static StorageException NotStarted(Command command, int error) => error switch
    {
        Native.ENoEnt or Native.ENotDir => new(StorageFailure.CommandMissing,
            $"The program '{command.FileName}' was not found. Install it or say where it is."),
        Native.EAcces => new(StorageFailure.CommandMissing,
            $"The program '{command.FileName}' may not be executed by this user."),
        _ => new(StorageFailure.Unexpected,
            $"'{command}' could not be started: {Marshal.GetPInvokeErrorMessage(error)}."),
    };

    [LoggerMessage(Level = LogLevel.Debug, Message = "Command {Command} ended with {Outcome} after {Milliseconds:F1} ms")]
    private partial void LogEnded(Command command, string outcome, double milliseconds);

    [LoggerMessage(Level = LogLevel.Error, Message = "Command {Command} was killed and does not end: stuck in the kernel")]
    private partial void LogStuck(Command command);
}
