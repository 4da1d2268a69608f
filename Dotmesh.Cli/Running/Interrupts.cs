using System.Runtime.InteropServices;

namespace Dotmesh.Cli.Running;

/// <summary>Ctrl-C and SIGTERM: the first one asks the command to come to an end, the second one is the end.</summary>
internal sealed class Interrupts : IDisposable
{
    private const int ExitOfInterrupted = 130;

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registered;
    private static volatile bool _left;

    public Interrupts() => _registered =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, On),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, On),
    ];

    public CancellationToken Token => _source.Token;

    /// <summary>While another program has the terminal, Ctrl-C is a key of that one.</summary>
    public static void LeaveToOther(bool leave) => _left = leave;

    public void Dispose()
    {
        foreach (var registration in _registered)
        {
            registration.Dispose();
        }

        _source.Dispose();
    }

    private void On(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (_left && signal.Signal == PosixSignal.SIGINT)
        {
            return;
        }

        if (_source.IsCancellationRequested)
        {
            Environment.Exit(ExitOfInterrupted);
        }

        _source.Cancel();
    }
}
