using Dotmesh.Actors.Storage;

namespace Dotmesh.Node.Hosting;

/// <summary>
/// Whether the pool can take work, for <c>/health/ready</c>. Asked when somebody asks, but not more often than every
/// second: nobody can make a node start processes by asking a lot.
/// </summary>
internal sealed class PoolReadiness(IStorage storage, TimeProvider time)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    // a node of which health is asked must tell, even if the pool's tools hang
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(4);

    private readonly Lock _lock = new();
    private Task<string?> _answer = Task.FromResult<string?>(null);
    private long _asked;
    private bool _everAsked;

    /// <summary>Why it cannot; null when it can.</summary>
    public Task<string?> Reason(CancellationToken ct)
    {
        lock (_lock)
        {
            if (!_everAsked || (_answer.IsCompleted && time.GetElapsedTime(_asked) >= Fresh))
            {
                (_everAsked, _asked, _answer) = (true, time.GetTimestamp(), Ask());
            }

            return _answer.WaitAsync(ct);
        }
    }

    private async Task<string?> Ask()
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            return PoolVerdict.Unready(await storage.Pool(limit.Token));
        }
        catch (StorageException failure)
        {
            return failure.Message;
        }
        catch (OperationCanceledException)
        {
            return $"The pool did not answer within {Limit.TotalSeconds:0} s: a device or its daemon may hang ('zpool status').";
        }
    }
}
