using System.Collections.Concurrent;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Filesystems;

/// <summary>
/// Sizes on demand (design D6): what was asked for and is older than <c>age</c> is measured in one storage call, one at a
/// time; who waited longer than <c>budget</c> gets the last known sizes while the measuring goes on. Who asks for one filesystem
/// only asks for its size, and gets <see cref="ForOne"/> times as long.
/// </summary>
public sealed class UsageCache(IStorage storage, TimeProvider time, TimeSpan age, TimeSpan budget, ILogger log, CancellationToken stopping)
{
    private const int ForOne = 10;

    private readonly ConcurrentDictionary<FilesystemId, Measured> _known = new();
    private readonly Lock _lock = new();
    private HashSet<FilesystemId> _wanted = [];
    private Task _measuring = Task.CompletedTask;
    private Task? _next;

    public async Task<IReadOnlyDictionary<FilesystemId, FilesystemUsage>> Get(
        IReadOnlyCollection<FilesystemId> ids, CancellationToken ct)
    {
        var now = time.GetTimestamp();
        var stale = ids.Where(id => !_known.TryGetValue(id, out var known) || time.GetElapsedTime(known.At, now) > age).ToList();
        if (stale.Count > 0)
        {
            var measured = Measure(stale);
            try
            {
                await measured.WaitAsync(ids.Count == 1 ? budget * ForOne : budget, time, ct);
            }
            catch (TimeoutException)
            {
                // the last known sizes are answered; measuring goes on
            }
        }

        return ids.Where(_known.ContainsKey).Distinct().ToDictionary(id => id, id => _known[id].Usage);
    }

    /// <summary>The size has changed for sure; the last known one stays for who cannot wait.</summary>
    public void Invalidate(FilesystemId id)
    {
        if (_known.TryGetValue(id, out var known))
        {
            _known[id] = known with { At = long.MinValue / 2 };
        }
    }

    public void Forget(FilesystemId id) => _known.TryRemove(id, out _);

    /// <summary>One call at a time: what comes while one runs is put together into the next.</summary>
    private Task Measure(List<FilesystemId> ids)
    {
        lock (_lock)
        {
            _wanted.UnionWith(ids);
            if (_next is null)
            {
                _next = After(_measuring);
            }

            return _next;
        }
    }

    private async Task After(Task before)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        HashSet<FilesystemId> batch;
        lock (_lock)
        {
            batch = _wanted;
            _wanted = [];
            _measuring = _next!;
            _next = null;
        }

        // the sizes are of the moment when measuring began
        var at = time.GetTimestamp();
        try
        {
            var usage = await storage.Usage(batch, stopping);
            foreach (var (id, found) in usage)
            {
                _known[id] = new Measured(found, at);
            }
        }
        catch (StorageException failure)
        {
            log.LogWarning(failure, "could not measure {Count} filesystems: {Message}", batch.Count, failure.Message);
        }
        catch (OperationCanceledException)
        {
            log.LogDebug("measuring ended with the node");
        }
    }

    private sealed record Measured(FilesystemUsage Usage, long At);
}
