using System.Runtime.InteropServices;

namespace Dotmesh.Node.Hosting;

/// <summary>SIGINT and SIGTERM: the first asks the node to stop, the second ends the process at once.</summary>
public sealed class StopSignals : IDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(90);

    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    public StopSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Received(context, 2)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Received(context, 15)),
    ];

    public CancellationToken Requested => _stop.Token;

    /// <summary>Ends when the first signal has come.</summary>
    public async Task Wait()
    {
        var came = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = Requested.Register(() => came.TrySetResult());
        await came.Task;
    }

    /// <summary>
    /// Also stops the node when this stream ends; and ends the process when that takes too long, because nobody is left who
    /// would do it.
    /// </summary>
    public void StopAtEndOf(Stream input, TimeProvider clock)
    {
        // a read of standard input cannot be taken back: its thread must not keep the process alive
        var reader = new Thread(() => ReadToEnd(input, clock)) { IsBackground = true, Name = "end of input" };
        reader.Start();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _stop.Dispose();
    }

    private void ReadToEnd(Stream input, TimeProvider clock)
    {
        Span<byte> ignored = stackalloc byte[64];
        while (input.Read(ignored) > 0)
        {
            // whatever is said before the end
        }

        try
        {
            if (Interlocked.Increment(ref _count) == 1)
            {
                _stop.Cancel();
            }

            _ = EndAfter(StopLimit, clock);
        }
        catch (ObjectDisposedException)
        {
            // the node has stopped already
        }
    }

    private static async Task EndAfter(TimeSpan limit, TimeProvider clock)
    {
        await Task.Delay(limit, clock);
        Environment.Exit(1);
    }

    private void Received(PosixSignalContext context, int number)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _count) > 1)
        {
            Environment.Exit(128 + number);
        }

        _stop.Cancel();
    }
}
