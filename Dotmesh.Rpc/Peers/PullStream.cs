using Dotmesh.Actors.Storage;

namespace Dotmesh.Rpc.Peers;

/// <summary>Reads a body and remembers that it broke off, which whoever reads it may tell as a failure of its own.</summary>
internal sealed class PullStream(Stream inner) : ReadOnlyStream
{
    /// <summary>Null: it did not, so far.</summary>
    public IOException? Broken { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await inner.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception failure) when (PeerCall.IsOfTheWire(failure) && !cancellationToken.IsCancellationRequested)
        {
            Broken = failure as IOException ?? new IOException(failure.Message, failure);
            throw Broken;
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
