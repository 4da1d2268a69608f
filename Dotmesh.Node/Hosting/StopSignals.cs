using System.Runtime.InteropServices;

namespace Dotmesh.Node.Hosting;

/// <summary>SIGINT and SIGTERM: the first asks the node to stop, the second ends the process at once.</summary>
public sealed class StopSignals : IDisposable
{
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

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _stop.Dispose();
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
