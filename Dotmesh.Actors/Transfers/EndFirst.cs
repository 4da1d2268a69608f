using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// Reads one step ahead: the last bytes are given out only when the end behind them was reached. Who applies a stream stops where its own
/// format ends, and what then turns out to be cut or damaged would be applied already.
/// </summary>
/// <param name="inner">Not closed.</param>
internal sealed class EndFirst(Stream inner) : ReadOnlyStream
{
    private const int Step = 128 * 1024;

    private byte[] _now = new byte[Step];
    private byte[] _next = new byte[Step];
    private int _at;
    private int _count;
    private int _ahead = -1;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_at == _count && _ahead != 0)
        {
            await Advance(cancellationToken);
        }

        var count = Math.Min(buffer.Length, _count - _at);
        _now.AsSpan(_at, count).CopyTo(buffer.Span);
        _at += count;
        return count;
    }

    private async ValueTask Advance(CancellationToken ct)
    {
        if (_ahead < 0)
        {
            _ahead = await Filled(ct);
        }

        (_now, _next) = (_next, _now);
        (_at, _count) = (0, _ahead);
        _ahead = _count == 0 ? 0 : await Filled(ct);
    }

    /// <summary>As much as there is room for: the decoder gives out 8 KiB at a time, and what is behind this pays for each piece.</summary>
    private ValueTask<int> Filled(CancellationToken ct) => inner.ReadAtLeastAsync(_next, _next.Length, throwOnEndOfStream: false, ct);
}
