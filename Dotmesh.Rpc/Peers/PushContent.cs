using System.Net;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Rpc.Peers;

/// <summary>The body of a push. When the writer fails, it is left without its end and the connection is broken off.</summary>
internal sealed class PushContent(Func<Stream, CancellationToken, Task> write, PushWatch watch) : HttpContent
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _begun;

    /// <summary>When the writer is not at work, or not any more: a request can end before its body does.</summary>
    public Task Ended => _begun ? _ended.Task : Task.CompletedTask;

    /// <summary>The writer's own; null: it did not fail, or because the connection did.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Why the peer got no more; null: it did.</summary>
    public IOException? Broken { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var outlet = new Outlet(stream, watch);
        _begun = true;
        try
        {
            watch.Token.ThrowIfCancellationRequested();
            watch.Producing();
            await write(outlet, cancellationToken);
            await outlet.FlushAsync(cancellationToken);
            watch.Sent();
        }
        catch (Exception) when (outlet.Broken is not null && watch.Expired is null)
        {
            // the peer closed, perhaps after an answer: that is read as if all were sent (HearingStream). Where the connection is
            // of another kind, its end cannot be written either
            Broken = outlet.Broken;
            watch.Answering();
        }
        catch (Exception failure)
        {
            Broken = watch.Expired;
            Failure = Broken is null ? failure : null;

            // not by throwing alone: an answer may be waited for at the same time
            watch.BreakOff();
            throw;
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private sealed class Outlet(Stream output, PushWatch watch) : WriteOnlyStream
    {
        // so small that on a slow line one of them is not mistaken for a peer that takes nothing
        private const int PieceBytes = 64 * 1024;

        public IOException? Broken { get; private set; }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            foreach (var piece in buffer.InPieces(PieceBytes))
            {
                await Guarded(output.WriteAsync(piece, cancellationToken), cancellationToken);
            }
        }

        public override Task FlushAsync(CancellationToken cancellationToken) =>
            Guarded(new ValueTask(output.FlushAsync(cancellationToken)), cancellationToken);

        private async Task Guarded(ValueTask writing, CancellationToken ct)
        {
            watch.Writing();
            try
            {
                await writing;
            }
            catch (Exception failure) when (PeerCall.IsOfTheWire(failure) && (watch.Expired is not null || !ct.IsCancellationRequested))
            {
                Broken = watch.Expired ?? failure as IOException ?? new IOException(failure.Message, failure);
                throw Broken;
            }

            watch.Producing();
        }
    }
}
