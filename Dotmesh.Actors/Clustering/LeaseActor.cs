using Akka.Actor;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Clustering;

/// <summary>
/// Renews this node's lease (design D9), one call at a time. A database that does not answer is asked again at the next
/// beat; a lease that another process took ends this node, which <c>lost</c> is told.
/// </summary>
internal sealed class LeaseActor : ReceiveActor, IWithTimers
{
    private readonly NodeRegistry _registry;
    private readonly Action<string> _lost;
    private readonly ILogger _log;
    private bool _asking;
    private bool _failing;

    public LeaseActor(NodeRegistry registry, Action<string> lost, ILogger log)
    {
        _registry = registry;
        _lost = lost;
        _log = log;
        Receive<Beat>(_ => Renew());
        Receive<Renewed>(Ended);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() =>
        Timers.StartPeriodicTimer("renewal", new Beat(), TimeSpan.Zero, _registry.Times.Renewal);

    private void Renew()
    {
        if (!_asking)
        {
            _asking = true;
            _ = _registry.Renew(CancellationToken.None).PipeTo(
                Self, success: held => new Renewed(held, null), failure: failure => new Renewed(true, failure));
        }
    }

    private void Ended(Renewed outcome)
    {
        _asking = false;
        if (outcome.Failure is { } failure)
        {
            if (!_failing)
            {
                _log.LogError("The lease of this node could not be renewed: {Failure}", failure.Message);
            }

            _failing = true;
        }
        else if (!outcome.Held)
        {
            Timers.CancelAll();
            _lost($"another process has taken the lease of pool {_registry.Self.Id}: two processes use one pool");
        }
        else if (_failing)
        {
            _failing = false;
            _log.LogInformation("The lease of this node is renewed again");
        }
    }

    private sealed record Beat : INoSerializationVerificationNeeded;

    private sealed record Renewed(bool Held, Exception? Failure) : INoSerializationVerificationNeeded;
}
