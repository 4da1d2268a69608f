using Dotmesh.Actors.Storage;

namespace Dotmesh.Rpc.Streams;

/// <summary>Writes to another stream and gives up when it takes nothing for a while: who fetches a stream may be slow, and not gone.</summary>
internal sealed class StallingWriter(Stream inner, TimeSpan limit) : WriteOnlyStream
{
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        Within(token => inner.WriteAsync(buffer, token), cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) =>
        Within(token => new ValueTask(inner.FlushAsync(token)), cancellationToken).AsTask();

    private async ValueTask Within(Func<CancellationToken, ValueTask> write, CancellationToken ct)
    {
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(ct);
        stalled.CancelAfter(limit);
        try
        {
            await write(stalled.Token);
        }
        catch (OperationCanceledException silent) when (!ct.IsCancellationRequested)
        {
            throw new IOException($"no byte was taken for {limit.TotalSeconds:F0} s", silent);
        }
    }
}
