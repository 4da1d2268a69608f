using Dotmesh.Actors.Containers;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>How an operation ended.</summary>
/// <param name="Clean">Whether journal, pool and directory agree for sure afterwards.</param>
internal sealed record OperationEnd(DotProtocol.Reply Reply, bool Clean = true)
{
    /// <summary>
    /// To be done when the dot takes work again, before the answer: a container that is started asks for its mount, which is such work. A
    /// text when it failed.
    /// </summary>
    public Func<Task<string?>> Afterwards { get; init; } = () => Task.FromResult<string?>(null);

    public async Task<DotProtocol.Reply> Answer(ILogger log)
    {
        string? failed;
        try
        {
            failed = await Afterwards();
        }
        catch (Exception unforeseen) when (unforeseen is not OperationCanceledException)
        {
            log.LogError(unforeseen, "after the operation");
            failed = unforeseen.Message;
        }
        catch (OperationCanceledException)
        {
            failed = "the node stops; its next start goes on";
        }

        return (failed, Reply) switch
        {
            (null, _) => Reply,
            (_, DotProtocol.Refused refused) => refused with { Message = $"{refused.Message} {failed}." },
            _ => new DotProtocol.Refused(RefusalCode.Unavailable, $"The operation itself is done, but {failed}. Start what is missing yourself, or restart the node."),
        };
    }
}

/// <summary>The containers that an operation stops: for as long as it runs alone on the dot, then they are started again, however it ended.</summary>
internal sealed class InterruptedContainers(DotScope scope)
{
    private string? _key;

    /// <param name="unable">Why the work would be refused anyhow: then nobody is stopped for it.</param>
    public async Task<Outcome<DotProtocol.Reply>> During(Affected affected, Refusal? unable, Func<Task<Outcome<DotProtocol.Reply>>> work)
    {
        if (unable is not null)
        {
            return unable;
        }

        var stopped = await scope.Env.Containers.Stop(scope.Dot, affected, scope.Env.Stopping);
        _key = stopped.Key;
        if (stopped.Refusal is { } refusal)
        {
            return refusal;
        }

        if (_key is not null)
        {
            scope.Hit(FaultPoints.InterruptAfterStop);
        }

        return await work();
    }

    public async Task<string?> StartAgain()
    {
        if (_key is not { } key)
        {
            return null;
        }

        scope.Hit(FaultPoints.StartAgainBefore);
        return await scope.Env.Containers.StartAgain(key, scope.Env.Stopping);
    }
}
