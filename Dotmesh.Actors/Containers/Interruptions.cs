using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Containers;

/// <summary>Stops containers for an operation, and starts them again: then, or as soon as that can be done.</summary>
internal sealed class Interruptions(
    IContainerEngine engine, EngineWatch watch, StoppedContainers stopped, TimeSpan grace, Faults faults, TimeProvider time, IIdSource ids,
    ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<string, bool> _inHand = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _mending = new(1);
    private volatile bool _serves;

    public void Serve()
    {
        _serves = true;
        _ = Task.Run(StartForgotten, CancellationToken.None);
    }

    /// <summary>The engine is there: what it could not start before it may start now.</summary>
    public void Connected()
    {
        if (_serves)
        {
            _ = Task.Run(StartForgotten, CancellationToken.None);
        }
    }

    public async Task<Stopped> Stop(FilesystemId dot, ImmutableArray<EngineContainer> containers, CancellationToken ct)
    {
        var order = await InOrder(containers, ct);
        if (order.Refused(out var refusal))
        {
            return new Stopped(null, refusal);
        }

        if (order.Value.IsEmpty)
        {
            return Stopped.Nothing;
        }

        var interruption = new Interruption(ids.NewId(), dot, order.Value);
        // before anybody can find the note: who starts what is forgotten must not take it for such
        _inHand[interruption.Key] = true;
        try
        {
            stopped.Add(interruption);
        }
        catch
        {
            _inHand.TryRemove(interruption.Key, out _);
            throw;
        }

        try
        {
            faults.Hit(FaultPoints.InterruptAfterNote);
            log.LogInformation("dot {Dot}: stopping {Containers}", dot, Text(interruption.Containers));
            var ends = await Task.WhenAll(interruption.Containers.Select(container => StopOne(container, ct)));
            return new Stopped(interruption.Key, ends.FirstOrDefault(end => end is not null));
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            log.LogError(failure, "dot {Dot}: stopping {Containers} broke off", dot, Text(interruption.Containers));
            return new Stopped(interruption.Key, new Refusal(RefusalCode.Unavailable, $"{failure.Message} Nothing was changed."));
        }
    }

    /// <summary>In the order in which they were started before. A text for those that did not start: they are tried again, with pauses.</summary>
    public async Task<string?> StartAgain(string key, CancellationToken ct)
    {
        var failures = await Start(key, ct);
        if (failures is not null)
        {
            _ = Task.Run(StartForgotten, CancellationToken.None);
        }

        return failures;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        // whoever mends sees the end at its next wait
        await _mending.WaitAsync();
        _mending.Dispose();
        _stopping.Dispose();
    }

    private static string Text(ImmutableArray<StoppedContainer> containers) => string.Join(", ", containers.Select(container => container.Name));

    private async Task<string?> Start(string key, CancellationToken ct)
    {
        if (stopped.All.FirstOrDefault(known => known.Key == key) is not { } interruption)
        {
            return null;
        }

        var failed = new List<(StoppedContainer Container, string Why)>();
        try
        {
            foreach (var container in interruption.Containers)
            {
                // one after the other: the next may need this one
                if ((await engine.Start(container.Id, ct)).Refused(out var refusal) && await MayExist(container.Id, ct))
                {
                    failed.Add((container, refusal.Message));
                }

                faults.Hit(FaultPoints.StartAgainAfterFirst);
            }

            // those that run are their user's again
            stopped.Replace(interruption with { Containers = [.. failed.Select(failure => failure.Container)] });
        }
        finally
        {
            _inHand.TryRemove(key, out _);
        }

        if (failed.Count == 0)
        {
            log.LogInformation("dot {Dot}: {Containers} run again", interruption.Dot, Text(interruption.Containers));
            return null;
        }

        var text = string.Join("; ", failed.Select(failure => $"{failure.Container.Name} could not be started again: {failure.Why}"));
        log.LogError("dot {Dot}: {Failures}", interruption.Dot, text);
        return text;
    }

    /// <summary>What an earlier life of this node stopped, and what could not be started; until it runs or is gone, with growing pauses.</summary>
    private async Task StartForgotten()
    {
        try
        {
            if (!await _mending.WaitAsync(0, _stopping.Token))
            {
                return;
            }

            try
            {
                for (var pause = FirstPause; await StartAll(); pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
                {
                    await Task.Delay(pause, time, _stopping.Token);
                }
            }
            finally
            {
                _mending.Release();
            }
        }
        catch (Exception ending) when (ending is OperationCanceledException or ObjectDisposedException)
        {
            log.LogDebug("the node stops before all containers run again; its next start goes on");
        }
        catch (Exception unforeseen)
        {
            log.LogError(unforeseen, "starting containers again broke off; the next connection to the engine goes on");
        }
    }

    /// <summary>Whether something is left to be started.</summary>
    private async Task<bool> StartAll()
    {
        foreach (var forgotten in stopped.All.Where(known => _inHand.TryAdd(known.Key, true)))
        {
            log.LogWarning("dot {Dot}: {Containers} were stopped for an operation and do not run yet", forgotten.Dot, Text(forgotten.Containers));
            await Start(forgotten.Key, _stopping.Token);
        }

        return stopped.All.Any(known => !_inHand.ContainsKey(known.Key));
    }

    private async Task<Outcome<ImmutableArray<StoppedContainer>>> InOrder(ImmutableArray<EngineContainer> containers, CancellationToken ct)
    {
        var lives = new List<(EngineContainer Container, ContainerLife Life)>();
        foreach (var container in containers)
        {
            var life = await engine.Life(container.Id, ct);
            if (life.Refused(out var refusal))
            {
                return refusal;
            }

            if (life.Value is { IsRunning: true } runs)
            {
                lives.Add((container, runs));
            }
        }

        var gone = lives.Where(found => found.Life.GoesWhenStopped).Select(found => found.Container.Name).ToList();
        return gone.Count > 0
            ? new Refusal(
                RefusalCode.Conflict,
                $"{string.Join(", ", gone)} would have to be stopped and was made with --rm: nothing would be left of it to start again. "
                + "Nothing was changed; stop it yourself.")
            : lives.OrderBy(found => found.Life.StartedAt)
                .Select(found => new StoppedContainer(found.Container.Id, found.Container.Name)).ToImmutableArray();
    }

    private async Task<Refusal?> StopOne(StoppedContainer container, CancellationToken ct)
    {
        if ((await engine.Stop(container.Id, grace, ct)).Refused(out var refusal))
        {
            return new Refusal(refusal.Code, $"{container.Name} could not be stopped: {refusal.Message}. Nothing was changed.");
        }

        return await watch.Update(container.Id, ct);
    }

    private async Task<bool> MayExist(string id, CancellationToken ct)
    {
        var found = await engine.Find(id, ct);
        return found.Refusal is not null || found.Value is not null;
    }
}
