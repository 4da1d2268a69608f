using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Containers;

/// <param name="Grace">Between asking a container to end and ending it.</param>
/// <param name="Folder">Of the files that outlive the process.</param>
/// <param name="Driver">What the engine calls this node's volume plugin.</param>
public sealed record ContainerSettings(TimeSpan Grace, string Folder, string Driver);

/// <summary>
/// The containers of one engine. What it holds of dots is known by its events (<see cref="EngineWatch"/>) and by the mounts that it asked
/// for; what is stopped for an operation is on disk until it runs again.
/// </summary>
internal sealed class EngineContainers : IContainers, IAsyncDisposable
{
    /// <summary>A container that is being started is waited for so long, then what would stop it is refused.</summary>
    private static readonly TimeSpan BeingStarted = TimeSpan.FromSeconds(10);

    /// <summary>An engine that has ended a container gives back what it held within this time.</summary>
    private static readonly TimeSpan GivenBack = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private readonly IContainerEngine _engine;
    private readonly EngineWatch _watch;
    private readonly MountPlaces _places;
    private readonly ContainerSettings _settings;
    private readonly Faults _faults;
    private readonly TimeProvider _time;
    private readonly IIdSource _ids;
    private readonly ILogger _log;
    private readonly MountLedger _held;
    private readonly StoppedContainers _stopped;
    private readonly ConcurrentDictionary<string, bool> _inHand = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();
    private volatile bool _serves;

    public EngineContainers(
        IContainerEngine engine, MountPlaces places, ContainerSettings settings, Faults faults, TimeProvider time, IIdSource ids, ILogger log)
    {
        _engine = engine;
        _places = places;
        _settings = settings;
        _faults = faults;
        _time = time;
        _ids = ids;
        _log = log;
        _held = MountLedger.Open(Path.Combine(settings.Folder, "container-mounts.json"));
        _stopped = StoppedContainers.Open(Path.Combine(settings.Folder, "stopped-containers.json"));
        _watch = new EngineWatch(engine, places, time, log) { Connected = Connected };
    }

    /// <summary>Answers when the containers are known, or when the engine has not answered for a moment.</summary>
    public Task Start(CancellationToken ct) => _watch.Start(ct);

    /// <summary>From now on mounts are answered: what an earlier life of this node stopped and did not start again is started.</summary>
    public void Serve()
    {
        _serves = true;
        _ = Task.Run(StartForgotten, CancellationToken.None);
    }

    public ILookup<FilesystemId, ContainerUse> Running() => _watch.Running()
        .Where(found => found.Place.Filesystem is not null)
        .Select(found => (Id: found.Place.Filesystem!.Value, Use: new ContainerUse(found.Container.Id, found.Container.Name)))
        .Distinct()
        .OrderBy(found => found.Use.Name, StringComparer.Ordinal)
        .ToLookup(found => found.Id, found => found.Use);

    public async Task<string> Users(IReadOnlyCollection<FilesystemId> filesystems, CancellationToken ct)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            foreach (var id in Using(filesystems).Select(use => use.Id).ToList())
            {
                await _watch.Update(id, ct);
            }

            var names = Using(filesystems).Select(use => use.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
            if (names.Count > 0)
            {
                return string.Join(", ", names);
            }

            if (!_held.All.Any(mount => filesystems.Contains(mount.Filesystem)))
            {
                return "";
            }

            if (_watch.Away is not null || _time.GetElapsedTime(began) > GivenBack)
            {
                return "a container that is being started";
            }

            await Task.Delay(Look, _time, ct);
        }
    }

    public bool HavePlain(DotName dot) => _watch.Places().Any(place => place.IsPlain && place.Dot == dot);

    /// <summary>Whether a container, running or not, has the volume.</summary>
    public bool HaveVolume(string name) => _watch.HaveVolume(name);

    public void Hold(HeldMount hold) => _held.Add(hold);

    /// <summary>The engine gave it back.</summary>
    public void Release(string volume, string id) => _held.Remove(volume, id);

    public async Task<Stopped> Stop(FilesystemId dot, Affected affected, CancellationToken ct)
    {
        var found = await Settled(affected, ct);
        var order = found.Refusal is null ? await InOrder(found.Value, ct) : found.Refusal;
        if (order.Refused(out var refusal))
        {
            return new Stopped(null, refusal);
        }

        if (order.Value.IsEmpty)
        {
            return Stopped.Nothing;
        }

        var interruption = new Interruption(_ids.NewId(), dot, order.Value);
        _inHand[interruption.Key] = true;
        _stopped.Add(interruption);
        _faults.Hit(FaultPoints.InterruptAfterNote);
        _log.LogInformation("dot {Dot}: stopping {Containers}", dot, Text(interruption));
        var ends = await Task.WhenAll(interruption.Containers.Select(container => StopOne(container, ct)));
        return new Stopped(interruption.Key, ends.FirstOrDefault(end => end is not null));
    }

    public async Task<string?> StartAgain(string key, CancellationToken ct)
    {
        var interruption = _stopped.All.First(known => known.Key == key);
        var failures = new List<string>();
        foreach (var container in interruption.Containers)
        {
            // one after the other: the next may need this one
            if ((await _engine.Start(container.Id, ct)).Refused(out var refusal) && await MayExist(container.Id, ct))
            {
                failures.Add($"{container.Name} could not be started again: {refusal.Message}");
            }

            _faults.Hit(FaultPoints.StartAgainAfterFirst);
        }

        var text = failures.Count == 0 ? null : string.Join("; ", failures);
        if (text is null)
        {
            _log.LogInformation("dot {Dot}: {Containers} run again", interruption.Dot, Text(interruption));
            _stopped.Remove(key);
        }
        else
        {
            _log.LogError("dot {Dot}: {Failures}", interruption.Dot, text);
        }

        // what failed is tried again when the engine is next connected, and at the next start
        _inHand.TryRemove(key, out _);
        return text;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watch.DisposeAsync();
        _engine.Dispose();
        _stopping.Dispose();
    }

    private static string Text(Interruption interruption) => string.Join(", ", interruption.Containers.Select(container => container.Name));

    private void Connected()
    {
        // while the engine was away it may have ended containers and not said so
        _held.Keep(_watch.Mounts);
        if (_serves)
        {
            _ = Task.Run(StartForgotten, CancellationToken.None);
        }
    }

    private async Task StartForgotten()
    {
        try
        {
            foreach (var forgotten in _stopped.All.Where(known => _inHand.TryAdd(known.Key, true)))
            {
                _log.LogWarning("dot {Dot}: {Containers} were stopped for an operation and do not run yet", forgotten.Dot, Text(forgotten));
                await StartAgain(forgotten.Key, _stopping.Token);
            }
        }
        catch (OperationCanceledException)
        {
            _log.LogDebug("the node stops before all containers run again; its next start goes on");
        }
    }

    /// <summary>
    /// What runs and is affected, once all that the engine holds belongs to a container that runs: who is being started is not seen yet,
    /// and would go on with what is changed under it.
    /// </summary>
    private async Task<Outcome<ImmutableArray<EngineContainer>>> Settled(Affected affected, CancellationToken ct)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            var running = _watch.Running().Where(found => affected.By(found.Place)).ToList();
            var starting = _held.All.Count(held => By(affected, held)) > running.Count(found => found.IsVolume);
            var away = _watch.Away;
            if (!starting && (running.Count == 0 || away is null))
            {
                return running.Select(found => found.Container).DistinctBy(container => container.Id).ToImmutableArray();
            }

            if (away is not null)
            {
                var names = string.Join(", ", running.Select(found => found.Container.Name).Distinct(StringComparer.Ordinal).DefaultIfEmpty("A container"));
                return new Refusal(
                    RefusalCode.Unavailable,
                    $"{names} may be running on the dot and cannot be stopped: the container engine does not answer ({away}). Nothing was changed.");
            }

            if (_time.GetElapsedTime(began) > BeingStarted)
            {
                return new Refusal(
                    RefusalCode.Conflict, "A container that uses the dot is being started. Nothing was changed; try again when it runs.");
            }

            await Task.Delay(Look, _time, ct);
        }
    }

    private IEnumerable<ContainerUse> Using(IReadOnlyCollection<FilesystemId> filesystems)
    {
        var running = Running();
        return filesystems.SelectMany(id => running[id]);
    }

    private bool By(Affected affected, HeldMount held) => affected.Filesystem is { } id
        ? held.Filesystem == id
        : _places.OfVolume(held.Volume) is { } place && affected.By(place);

    private async Task<Outcome<ImmutableArray<StoppedContainer>>> InOrder(ImmutableArray<EngineContainer> containers, CancellationToken ct)
    {
        var lives = new List<(EngineContainer Container, ContainerLife Life)>();
        foreach (var container in containers)
        {
            var life = await _engine.Life(container.Id, ct);
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
        if ((await _engine.Stop(container.Id, _settings.Grace, ct)).Refused(out var refusal))
        {
            return new Refusal(refusal.Code, $"{container.Name} could not be stopped: {refusal.Message}. Nothing was changed.");
        }

        return await _watch.Update(container.Id, ct);
    }

    private async Task<bool> MayExist(string id, CancellationToken ct)
    {
        var found = await _engine.Find(id, ct);
        return found.Refusal is not null || found.Value is not null;
    }
}
