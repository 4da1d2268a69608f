using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Containers;

/// <summary>
/// The containers of an engine that have mounts of dots: read whole when the connection is made, then one by one as something happens to
/// them. While the engine is away what was known last stays, because its containers may go on without it.
/// </summary>
internal sealed class EngineWatch(IContainerEngine engine, MountPlaces places, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _updating = new(1);
    private readonly TaskCompletionSource _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ImmutableDictionary<string, EngineContainer> _known = ImmutableDictionary<string, EngineContainer>.Empty;
    private volatile string? _away = "it was not asked yet";
    private Task _watching = Task.CompletedTask;

    /// <summary>Why the engine does not answer; null when it does.</summary>
    public string? Away => _away;

    /// <summary>Asked before the containers are read whole; what it answers is told when they were.</summary>
    public required Func<Action> Connecting { get; init; }

    public async Task Start(CancellationToken ct)
    {
        _watching = Task.Run(WatchAlways, CancellationToken.None);
        try
        {
            await _read.Task.WaitAsync(FirstAnswer, time, ct);
        }
        catch (TimeoutException)
        {
            log.LogWarning("the container engine does not answer: {Why}; it is asked again", _away);
        }
    }

    /// <summary>The mounts of all containers, running or not.</summary>
    public IEnumerable<MountPlace> Places() =>
        _known.Values.SelectMany(container => container.Mounts).Select(places.Of).OfType<MountPlace>();

    /// <summary>Whether a container, running or not, has the volume.</summary>
    public bool HaveVolume(string name) => _known.Values.Any(container => container.Mounts.Any(mount => mount.Volume == name));

    /// <summary>The mounts of running containers.</summary>
    public IEnumerable<(EngineContainer Container, MountPlace Place)> Running() =>
        from container in _known.Values
        where container.IsRunning
        from mount in container.Mounts
        let place = places.Of(mount)
        where place is not null
        select (container, place);

    /// <summary>Mounts of a volume that running containers have now.</summary>
    public int Mounts(string volume) => _known.Values.Where(container => container is { IsRunning: true, IsRestarting: false })
        .Sum(container => container.Mounts.Count(mount => mount.Volume == volume));

    /// <summary>Asks for one container now.</summary>
    public async Task<Refusal?> Update(string id, CancellationToken ct)
    {
        await _updating.WaitAsync(ct);
        try
        {
            var found = await engine.Find(id, ct);
            if (found.Refused(out var refusal))
            {
                return refusal;
            }

            _known = found.Value is { } container && HasDots(container) ? _known.SetItem(id, container) : _known.Remove(id);
            return null;
        }
        finally
        {
            _updating.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        _updating.Dispose();
        _stopping.Dispose();
    }

    private bool HasDots(EngineContainer container) => container.Mounts.Any(mount => places.Of(mount) is not null);

    private async Task WatchAlways()
    {
        try
        {
            while (true)
            {
                var before = _away;
                _away = await WatchSafely();
                if (before is null)
                {
                    log.LogWarning("the container engine went away: {Why}", _away);
                }

                await Task.Delay(Pause, time, _stopping.Token);
            }
        }
        catch (OperationCanceledException)
        {
            log.LogDebug("watching containers ends with the node");
        }
    }

    /// <summary>Whatever goes wrong ends one connection and not the watch.</summary>
    private async Task<string> WatchSafely()
    {
        try
        {
            return await WatchOnce();
        }
        catch (Exception unforeseen) when (unforeseen is not OperationCanceledException || !_stopping.IsCancellationRequested)
        {
            log.LogError(unforeseen, "watching the container engine broke off");
            return unforeseen.Message;
        }
    }

    /// <summary>Ends with the reason when the engine is away.</summary>
    private async Task<string> WatchOnce()
    {
        using var connection = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var changed = Channel.CreateUnbounded<string>();
        // listens before it reads, so that nothing happens unseen between the two
        var listening = Listen(changed.Writer, connection.Token);
        try
        {
            if (await ReadAll(connection.Token) is { } refusal)
            {
                return refusal.Message;
            }

            _away = null;
            _read.TrySetResult();
            await foreach (var id in changed.Reader.ReadAllAsync(connection.Token))
            {
                if (await Update(id, connection.Token) is { } trouble)
                {
                    return trouble.Message;
                }
            }
        }
        finally
        {
            await connection.CancelAsync();
        }

        return await listening;
    }

    private async Task<Refusal?> ReadAll(CancellationToken ct)
    {
        await _updating.WaitAsync(ct);
        try
        {
            var connected = Connecting();
            var all = await engine.List(ct);
            if (all.Refused(out var refusal))
            {
                return refusal;
            }

            _known = all.Value.Where(HasDots).ToImmutableDictionary(container => container.Id);
            log.LogInformation("connected to the container engine: {Containers} containers use dots", _known.Count);
            connected();
            return null;
        }
        finally
        {
            _updating.Release();
        }
    }

    private async Task<string> Listen(ChannelWriter<string> changed, CancellationToken ct)
    {
        try
        {
            return await engine.Watch(id => changed.TryWrite(id), ct);
        }
        finally
        {
            changed.Complete();
        }
    }
}
