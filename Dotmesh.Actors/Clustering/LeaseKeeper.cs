using Dotmesh.Actors.Database;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Clustering;

/// <summary>
/// Renews this node's lease (design D9) from the moment it was claimed until this is disposed, whatever else starts or
/// stops meanwhile. A database that does not answer is asked again at the next beat; a lease that another process took
/// ends this node, which <c>lost</c> is told.
/// </summary>
/// <remarks>
/// A renewal may hang as long as the network likes; whether the lease is overdue is therefore told by the clock
/// (<see cref="NodeRegistry.IsOverdue"/>) and never by this loop.
/// </remarks>
public sealed class LeaseKeeper : IAsyncDisposable
{
    private readonly NodeRegistry _registry;
    private readonly Action<string> _lost;
    private readonly ILogger _log;
    private readonly PeriodicTimer _beat;
    private readonly Task _running;

    public LeaseKeeper(NodeRegistry registry, Action<string> lost, TimeProvider clock, ILogger<LeaseKeeper> log)
    {
        _registry = registry;
        _lost = lost;
        _log = log;
        _beat = new PeriodicTimer(registry.Times.Renewal, clock);
        _running = Run();
    }

    public async ValueTask DisposeAsync()
    {
        _beat.Dispose();
        await _running;
    }

    private async Task Run()
    {
        var failing = false;
        while (await _beat.WaitForNextTickAsync())
        {
            try
            {
                if (!await _registry.Renew(CancellationToken.None))
                {
                    _lost(NodeRegistry.LeaseTaken);
                    return;
                }

                if (failing)
                {
                    _log.LogInformation("The lease of this node is renewed again");
                }

                failing = false;
            }
            catch (DatabaseException failure)
            {
                if (!failing)
                {
                    _log.LogError("The lease of this node could not be renewed: {Failure}", failure.Message);
                }

                failing = true;
            }
        }
    }
}
