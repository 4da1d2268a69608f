using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Containers;

/// <param name="Grace">Between asking a container to end and ending it.</param>
/// <param name="Folder">Of the files that outlive the process.</param>
/// <param name="Driver">What the engine calls this node's volume plugin.</param>
/// <param name="IsElsewhere">Whether the engine sees this node's files below another folder, where links with whole paths lead nowhere.</param>
public sealed record ContainerSettings(TimeSpan Grace, string Folder, string Driver, bool IsElsewhere = false);

/// <summary>
/// The containers of one engine. What it holds of dots is known by its events (<see cref="EngineWatch"/>) and by the mounts that it asked
/// for (<see cref="MountLedger"/>); what is stopped for an operation is on disk until it runs again (<see cref="Interruptions"/>).
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
    private readonly TimeProvider _time;
    private readonly MountLedger _held;
    private readonly Interruptions _interruptions;
    private readonly Lock _wanting = new();
    private readonly HashSet<(string Volume, string Id)> _wanted = [];

    public EngineContainers(
        IContainerEngine engine, MountPlaces places, ContainerSettings settings, Faults faults, TimeProvider time, IIdSource ids, ILogger log)
    {
        _engine = engine;
        _places = places;
        _time = time;
        _held = new MountLedger(Path.Combine(settings.Folder, "container-mounts.json"));
        _watch = new EngineWatch(engine, places, time, log) { Connecting = Connecting };
        _interruptions = new Interruptions(
            engine, _watch, new StoppedContainers(Path.Combine(settings.Folder, "stopped-containers.json")), settings.Grace, faults, time, ids, log);
        places.Held = _held.LeadsTo;
    }

    /// <summary>Answers when the containers are known, or when the engine has not answered for a moment.</summary>
    public Task Start(CancellationToken ct) => _watch.Start(ct);

    /// <summary>From now on mounts are answered: what an earlier life of this node stopped and did not start again is started.</summary>
    public void Serve() => _interruptions.Serve();

    public ILookup<FilesystemId, ContainerUse> Running() => _watch.Running()
        .Where(found => found.Place.Filesystem is not null)
        .Select(found => (Id: found.Place.Filesystem!.Value, Use: new ContainerUse(found.Container.Id, found.Container.Name)))
        .Distinct()
        .OrderBy(found => found.Use.Name, StringComparer.Ordinal)
        .ToLookup(found => found.Id, found => found.Use);

    public async Task<string> Users(IReadOnlyCollection<FilesystemId> filesystems, CancellationToken ct)
    {
        var names = await RunningNow(filesystems, ct);
        if (names.Length > 0)
        {
            return names;
        }

        // held and not running: it is being started, or was ended a moment ago
        await Within(GivenBack, () => !IsHeld() || Using(filesystems).Any() || _watch.Away is not null, ct);
        return await RunningNow(filesystems, ct) is { Length: > 0 } now ? now : IsHeld() ? "a container that is being started" : "";

        bool IsHeld() => _held.All.Any(mount => filesystems.Contains(mount.Filesystem));
    }

    public Outcome<bool> HavePlain(DotName dot) => _watch.Away is { } away
        ? new Refusal(RefusalCode.Unavailable, $"Whether containers use dot {dot} is not known: the container engine does not answer ({away}). Nothing was changed.")
        : _watch.Places().Any(place => place.IsPlain && place.Dot == dot)
            || _held.All.Any(held => _places.OfVolume(held.Volume) is { IsPlain: true } place && place.Dot == dot);

    /// <summary>Whether a container, running or not, has the volume.</summary>
    public bool HaveVolume(string name) => _watch.HaveVolume(name);

    /// <summary>The engine asks for a mount. Only what is asked for can be held: who gave up is not counted when the mount comes late.</summary>
    public void Want(string volume, string id)
    {
        lock (_wanting)
        {
            _wanted.Add((volume, id));
        }
    }

    public void Hold(HeldMount hold)
    {
        lock (_wanting)
        {
            if (_wanted.Remove((hold.Volume, hold.Id)))
            {
                _held.Add(hold);
            }
        }
    }

    /// <summary>The engine gave it back, or never got it.</summary>
    public void Release(string volume, string id)
    {
        lock (_wanting)
        {
            _wanted.Remove((volume, id));
            _held.Remove(volume, id);
        }
    }

    public async Task<Stopped> Stop(FilesystemId dot, Affected affected, CancellationToken ct)
    {
        var found = await Settled(affected, ct);
        var stopped = found.Refused(out var refusal) ? new Stopped(null, refusal) : await _interruptions.Stop(dot, found.Value, ct);
        return stopped is { Key: not null, Refusal: null } && !await IsFree(affected, ct)
            ? stopped with { Refusal = new Refusal(RefusalCode.Conflict, "A container that uses the dot came back while others were stopped. Nothing was changed; try again.") }
            : stopped;
    }

    public Task<string?> StartAgain(string key, CancellationToken ct) => _interruptions.StartAgain(key, ct);

    public async ValueTask DisposeAsync()
    {
        await _interruptions.DisposeAsync();
        await _watch.DisposeAsync();
        _engine.Dispose();
    }

    private Action Connecting()
    {
        var known = _held.All.ToList();
        return () =>
        {
            // while the engine was away it may have ended containers and not said so
            _held.Keep(known, _watch.Mounts);
            _interruptions.Connected();
        };
    }

    /// <summary>Asks the engine about those that seem to run: an end may not have been told yet.</summary>
    private async Task<string> RunningNow(IReadOnlyCollection<FilesystemId> filesystems, CancellationToken ct)
    {
        foreach (var id in Using(filesystems).Select(use => use.Id).ToList())
        {
            if (await _watch.Update(id, ct) is not null)
            {
                // an engine that does not answer is asked once
                break;
            }
        }

        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var use in Using(filesystems).DistinctBy(use => use.Id).ToList())
        {
            if (!await HasEnded(use.Id, ct))
            {
                names.Add(use.Name);
            }
        }

        return string.Join(", ", names);
    }

    /// <summary>An engine's list is some moments behind the container itself; who waited for its end may be here before that is in the list.</summary>
    private async Task<bool> HasEnded(string id, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(GivenBack, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var life = await _engine.Life(id, both.Token);
            return !life.Refused(out _) && life.Value is not { IsRunning: true };
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return false;
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

    private List<EngineContainer> RunningBy(Affected affected) =>
        [.. _watch.Running().Where(found => affected.By(found.Place)).Select(found => found.Container).DistinctBy(container => container.Id)];

    /// <summary>Whether the engine holds a mount that no running container shows yet.</summary>
    private bool IsStarting(Affected affected) => _held.All.Where(held => By(affected, held)).GroupBy(held => held.Volume)
        .Any(volume => volume.Count() > _watch.Mounts(volume.Key));

    /// <summary>
    /// What runs and is affected, once all that the engine holds belongs to a container that runs: who is being started is not seen yet,
    /// and would go on with what is changed under it.
    /// </summary>
    private async Task<Outcome<ImmutableArray<EngineContainer>>> Settled(Affected affected, CancellationToken ct)
    {
        var settled = await Within(BeingStarted, () => !IsStarting(affected) || _watch.Away is not null, ct);
        var running = RunningBy(affected);
        if (_watch.Away is { } away && (running.Count > 0 || IsStarting(affected)))
        {
            var names = string.Join(", ", running.Select(container => container.Name).DefaultIfEmpty("A container"));
            return new Refusal(
                RefusalCode.Unavailable,
                $"{names} may be running on the dot and cannot be stopped: the container engine does not answer ({away}). Nothing was changed.");
        }

        return settled
            ? running.ToImmutableArray()
            : new Refusal(
                RefusalCode.Conflict, "A container that uses the dot is being started. Nothing was changed; try again when it runs.");
    }

    /// <summary>After the stops: nothing runs and nothing is held, or will not be in a moment.</summary>
    private Task<bool> IsFree(Affected affected, CancellationToken ct) =>
        Within(GivenBack, () => RunningBy(affected).Count == 0 && !_held.All.Any(held => By(affected, held)), ct);

    /// <summary>False when it did not hold in time.</summary>
    private async Task<bool> Within(TimeSpan limit, Func<bool> holds, CancellationToken ct)
    {
        for (var began = _time.GetTimestamp(); !holds(); await Task.Delay(Look, _time, ct))
        {
            if (_time.GetElapsedTime(began) > limit)
            {
                return false;
            }
        }

        return true;
    }
}
