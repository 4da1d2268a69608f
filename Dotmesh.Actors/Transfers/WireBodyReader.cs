using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// The raw stream of a body, its prelude already read. A read that answers 0 says that the body was complete, lengths and checksums
/// included; a body that is cut or damaged is <see cref="StorageFailure.BadStream"/> at the latest there. Who applies the stream
/// may find its end before that, and reads through <see cref="EndFirst"/>.
/// </summary>
/// <remarks>
/// A container of several members that is cut between two of them cannot be told from a whole one. No server writes such; the stream in it
/// would have to say that it is not complete.
/// </remarks>
public sealed class WireBodyReader : ReadOnlyStream
{
    private readonly Stream _content;
    private ReadOnlyMemory<byte> _begun;

    internal WireBodyReader(WirePrelude prelude, Stream content, ReadOnlyMemory<byte> begun, long preludeBytes)
    {
        (Commits, _content, _begun, Bytes) = (prelude.Commits, content, begun, preludeBytes);
    }

    /// <inheritdoc cref="WirePrelude.Commits"/>
    public ImmutableArray<CommitProperties>? Commits { get; }

    /// <summary>Uncompressed bytes read so far, prelude included: the <c>Sent</c> of a pull (contract 6.7).</summary>
    public long Bytes { get; private set; }

    /// <summary>Told of <see cref="Bytes"/> after each read; null: nobody asks.</summary>
    internal Action<long>? Moved { get; set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count;
        if (_begun.Length > 0)
        {
            count = Math.Min(_begun.Length, buffer.Length);
            _begun[..count].CopyTo(buffer);
            _begun = _begun[count..];
        }
        else
        {
            count = await _content.ReadAsync(buffer, cancellationToken);
        }

        Bytes += count;
        Moved?.Invoke(Bytes);
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _content.Dispose();
        }

        base.Dispose(disposing);
    }
}
