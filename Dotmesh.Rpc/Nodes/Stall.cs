namespace Dotmesh.Rpc.Nodes;

/// <summary>Steps of a stream may take long together, and none of them for ever (design D10).</summary>
internal static class Stall
{
    /// <summary>Throws <see cref="IOException"/> when a step takes longer; what the caller cancels is cancelled.</summary>
    /// <param name="otherwise">What did not happen: <c>no byte came</c>.</param>
    public static async ValueTask<T> Within<T>(
        TimeSpan limit, string otherwise, Func<CancellationToken, ValueTask<T>> step, CancellationToken ct)
    {
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(ct);
        stalled.CancelAfter(limit);
        try
        {
            return await step(stalled.Token);
        }
        catch (OperationCanceledException silent) when (!ct.IsCancellationRequested)
        {
            throw new IOException($"{otherwise} for {limit.TotalSeconds:F0} s", silent);
        }
    }
}
