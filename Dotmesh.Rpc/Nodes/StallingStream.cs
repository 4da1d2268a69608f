using Dotmesh.Actors.Storage;

namespace Dotmesh.Rpc.Nodes;

/// <summary>Reads another stream and gives up when no byte comes for a while: a slow transfer goes on, a dead one ends (design D10).</summary>
internal sealed class StallingStream(Stream inner, TimeSpan limit) : ReadOnlyStream
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Stall.Within(limit, "no byte came", token => inner.ReadAsync(buffer, token), cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
