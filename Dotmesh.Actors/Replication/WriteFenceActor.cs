using Akka.Actor;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Dots;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Replication;

/// <summary>
/// Closes the pool to writers while this node is cut off from the others (design D9): what is written from then on would only be handed in
/// as a branch. Commits are refused by the lease already. Opened again with the lease, or when the node begins anew.
/// </summary>
internal sealed class WriteFenceActor : ReceiveActor, IWithTimers
{
    private readonly DotEnvironment _env;
    private readonly TimeSpan _every;
    private bool _closed;
    private bool _busy;

    public WriteFenceActor(DotEnvironment env, NodeRegistry registry, Membership members)
    {
        (_env, _every) = (env, registry.Times.Renewal);
        Receive<Look>(look =>
        {
            var close = members.IsCutOff(registry);
            if (close != _closed && !_busy)
            {
                _busy = true;
                _ = Set(close).PipeTo(Self);
            }
        });
        Receive<Closed>(now => (_closed, _busy) = (now.Value, false));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer("look", Look.Around, _every);

    private async Task<Closed> Set(bool close)
    {
        try
        {
            await _env.Storage.SetWritable(!close, _env.Stopping);
            if (close)
            {
                _env.Log.LogWarning("This node is cut off from the others and its lease is out: its files are read-only until it is back");
            }
            else
            {
                _env.Log.LogInformation("This node is back: its files are writable again");
            }

            return new Closed(close);
        }
        catch (Exception failure) when (failure is Storage.StorageException or OperationCanceledException)
        {
            // looked at again at the next beat
            _env.Log.LogError("The files of this node could not be made {State}: {Failure}", close ? "read-only" : "writable", failure.Message);
            return new Closed(!close);
        }
    }

    private sealed record Look : INoSerializationVerificationNeeded
    {
        public static readonly Look Around = new();
    }

    private sealed record Closed(bool Value) : INoSerializationVerificationNeeded;
}
