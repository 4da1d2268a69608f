using Dotmesh.Actors.Storage;

namespace Dotmesh.Node.Hosting;

/// <summary>
/// Looks from time to time whether the pool is still there. A node without its pool can do nothing for its dots: where there are
/// others they get them, and this one waits for its pool.
/// </summary>
internal sealed class PoolWatch : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);

    private readonly IStorage _storage;
    private readonly Action<string> _gone;
    private readonly CancellationTokenSource _stop = new();
    private readonly PeriodicTimer _beat;
    private readonly Task _running;

    /// <param name="gone">Told what is wrong when it was so twice in a row.</param>
    public PoolWatch(IStorage storage, Action<string> gone, TimeProvider clock)
    {
        _storage = storage;
        _gone = gone;
        _beat = new PeriodicTimer(Every, clock);
        _running = Run();
    }

    /// <summary>What keeps the pool from being used, in words that say what to do; null when nothing does.</summary>
    public static async Task<string?> Look(IStorage storage, CancellationToken ct)
    {
        try
        {
            return PoolVerdict.Lost(await storage.Pool(ct));
        }
        catch (StorageException failure) when (failure.Failure is StorageFailure.PoolMissing or StorageFailure.PoolSuspended)
        {
            return failure.Message;
        }
        catch (StorageException)
        {
            // it did not say: nothing is concluded from that, and who uses the pool hears it
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _beat.Dispose();
        await _running;
        _stop.Dispose();
    }

    private async Task Run()
    {
        try
        {
            var before = default(string);
            while (await _beat.WaitForNextTickAsync(_stop.Token))
            {
                var now = await Look(_storage, _stop.Token);
                if (before is not null && now is not null)
                {
                    _gone(now);
                }

                before = now;
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // the node stops
        }
    }
}
