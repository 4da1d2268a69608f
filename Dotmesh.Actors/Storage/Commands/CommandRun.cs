using System.Buffers;
using System.Text;

namespace Dotmesh.Actors.Storage.Commands;

/// <summary>One command from start to end: pumps its pipes, watches its progress, says how it ended.</summary>
internal sealed class CommandRun(Command command, CommandRunnerOptions options, TimeProvider time) : IDisposable
{
    private const int MaxStderr = 64 << 10;

    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(2);

    private readonly ArrayBufferWriter<byte> _stdout = new();
    private readonly ArrayBufferWriter<byte> _stderr = new();
    private readonly CancellationTokenSource _feedingIsOver = new();
    private Exception? _pumpFailure;
    private long _moved;
    private int _waitingForUs;
    private bool _stalled;

    /// <summary>Set when the process was given up: its end, some day.</summary>
    public Task? Leftover { get; private set; }

    public async Task<CommandResult> Finish(ChildProcess process, CancellationToken ct)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var exit = process.Exit();
        var pumps = Task.WhenAll(
            Guarded(token => Feed(process, token), end),
            Guarded(token => Drain(process, token), end),
            Guarded(token => CaptureStderr(process, token), end));
        // completes when there is a reason to kill: cancelled, a pump failed, no progress
        var reason = WatchProgress(process, end.Token);
        if (await Task.WhenAny(exit, reason) == reason && !await Killed(process, exit))
        {
            Leftover = CleanUpWhenGone(process, exit, pumps, reason);
            await end.CancelAsync();
            ct.ThrowIfCancellationRequested();
            if (_pumpFailure is StorageException why)
            {
                throw new StorageException(why.Failure, $"{why.Message} '{command}' was killed for it, but does not end.", why);
            }

            throw Stalled("makes no progress and cannot be ended");
        }

        process.Stdin?.StopWaiting();
        process.Stdout.StopWaiting();
        process.Stderr.StopWaiting();
        await _feedingIsOver.CancelAsync();
        await pumps;
        await end.CancelAsync();
        await reason;
        process.Dispose();
        return Result(await exit, ct);
    }

    public void Dispose() => _feedingIsOver.Dispose();

    private CommandResult Result(int status, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        if (_pumpFailure is not null)
        {
            // rethrown with the stack of the pump
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_pumpFailure);
        }

        if (_stalled)
        {
            throw Stalled($"made no progress for {options.StallAfter.TotalSeconds:0.#} s and was ended");
        }

        return status >= 0
            ? new CommandResult(status, Text(_stdout), Text(_stderr))
            : throw new StorageException(StorageFailure.CommandKilled,
                $"'{command}' was killed by signal {-status}. {Text(_stderr)}".TrimEnd());
    }

    /// <summary>False when it is still there after the grace: stuck in the kernel.</summary>
    private async Task<bool> Killed(ChildProcess process, Task<int> exit)
    {
        if (command.Input is not null && !_stalled)
        {
            // the end of its input ends it too, and then it leaves nothing behind that goes on without it
            process.Stdin?.StopWaiting();
            if (await Task.WhenAny(exit, Task.Delay(EndGrace, time, CancellationToken.None)) == exit)
            {
                return true;
            }
        }

        process.Kill();
        var grace = command.IsStream ? options.StreamKillGrace : options.KillGrace;
        return await Task.WhenAny(exit, Task.Delay(grace, time, CancellationToken.None)) == exit;
    }

    private static async Task CleanUpWhenGone(ChildProcess process, Task<int> exit, Task pumps, Task reason)
    {
        await exit;
        process.Stdin?.StopWaiting();
        process.Stdout.StopWaiting();
        process.Stderr.StopWaiting();
        await Task.WhenAll(pumps, reason);
        process.Dispose();
    }

    private async Task WatchProgress(ChildProcess process, CancellationToken end)
    {
        var interval = TimeSpan.FromMilliseconds(Math.Clamp(options.StallAfter.TotalMilliseconds / 4, 20, 15_000));
        var last = "";
        var since = time.GetTimestamp();
        while (!end.IsCancellationRequested)
        {
            await Task.Delay(interval, time, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var now = $"{Interlocked.Read(ref _moved)} {process.Progress()}";
            // a process that waits for the other side of its data is not to blame
            if (now != last || Volatile.Read(ref _waitingForUs) > 0)
            {
                (last, since) = (now, time.GetTimestamp());
            }
            else if (time.GetElapsedTime(since) >= options.StallAfter)
            {
                _stalled = true;
                return;
            }
        }
    }

    /// <summary>A pump that fails ends the command; the first failure is what the caller gets.</summary>
    private async Task Guarded(Func<CancellationToken, Task> pump, CancellationTokenSource end)
    {
        try
        {
            await pump(end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested || _feedingIsOver.IsCancellationRequested)
        {
            // ended from outside, or the process does not read on
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref _pumpFailure, failure, null);
            await end.CancelAsync();
        }
    }

    private async Task Feed(ChildProcess process, CancellationToken ct)
    {
        if (command.Input is not { } input || process.Stdin is not { } stdin)
        {
            return;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, _feedingIsOver.Token);
        var buffer = ArrayPool<byte>.Shared.Rent(256 << 10);
        try
        {
            while (true)
            {
                Interlocked.Increment(ref _waitingForUs);
                int count;
                try
                {
                    count = await input.ReadAsync(buffer, either.Token);
                }
                catch (Exception broken) when (!either.IsCancellationRequested)
                {
                    await EndInput(stdin, broken, either.Token);
                    throw;
                }

                Interlocked.Decrement(ref _waitingForUs);
                Interlocked.Add(ref _moved, count);
                if (count == 0 || !await stdin.Write(buffer.AsMemory(0, count)))
                {
                    break;
                }
            }
        }
        finally
        {
            stdin.Dispose();
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// A command whose input ends too early fails by itself, and puts in order what it had begun, which one that is killed leaves to others.
    /// Comes back when it has not done so in time; cancelled when it has.
    /// </summary>
    private Task EndInput(PipeEnd stdin, Exception why, CancellationToken ct)
    {
        Interlocked.CompareExchange(ref _pumpFailure, why, null);
        stdin.Dispose();
        return Task.Delay(command.IsStream ? options.StreamKillGrace : options.KillGrace, time, ct);
    }

    private async Task Drain(ChildProcess process, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(command.IsStream ? 256 << 10 : 16 << 10);
        try
        {
            while (await process.Stdout.Read(buffer) is var count and > 0)
            {
                Interlocked.Add(ref _moved, count);
                if (command.Output is { } output)
                {
                    Interlocked.Increment(ref _waitingForUs);
                    await output(buffer.AsMemory(0, count), ct);
                    Interlocked.Decrement(ref _waitingForUs);
                }
                else if (_stdout.WrittenCount + count > options.MaxCapturedBytes)
                {
                    throw new StorageException(StorageFailure.Unexpected,
                        $"'{command}' printed more than {options.MaxCapturedBytes} bytes.");
                }
                else
                {
                    _stdout.Write(buffer.AsSpan(0, count));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task CaptureStderr(ChildProcess process, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(4 << 10);
        try
        {
            while (await process.Stderr.Read(buffer) is var count and > 0)
            {
                Interlocked.Add(ref _moved, count);
                if (command.Errors is { } errors)
                {
                    await errors(buffer.AsMemory(0, count), ct);
                }
                else
                {
                    _stderr.Write(buffer.AsSpan(0, Math.Min(count, MaxStderr - _stderr.WrittenCount)));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private StorageException Stalled(string how) => new(StorageFailure.CommandStalled, $"'{command}' {how}.");

    private static string Text(ArrayBufferWriter<byte> captured) => Encoding.UTF8.GetString(captured.WrittenSpan);
}
