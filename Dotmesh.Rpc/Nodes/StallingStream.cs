using Dotmesh.Actors.Storage;

namespace Dotmesh.Rpc.Nodes;

/// <summary>Reads another stream and gives up when no byte comes for a while: a slow transfer goes on, a dead one ends (design D10).</summary>
internal sealed class StallingStream(Stream inner, TimeSpan limit) : ReadOnlyStream
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stalled.CancelAfter(limit);
        try
        {
            return await inner.ReadAsync(buffer, stalled.Token);
        }
        catch (OperationCanceledException silent) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"no byte came for {limit.TotalSeconds:F0} s", silent);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
