using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>How many transfers of a node move data at the same time, and how fast.</summary>
internal sealed class TransferLimits(TransferSettings settings, TimeProvider clock) : IDisposable
{
    // what peers ask never waits for what is asked of peers: two clusters that push to each other would wait for each other
    private readonly SemaphoreSlim _runs = new(settings.AtOnce);
    private readonly SemaphoreSlim _serving = new(settings.AtOnce);
    private readonly Pace? _node = settings.BytesPerSecond > 0 ? new Pace(settings.BytesPerSecond, clock) : null;

    /// <summary>For a transfer of this cluster: waits for the turn; disposing gives it to the next.</summary>
    public Task<IDisposable> RunTurn(CancellationToken ct) => Turn(_runs, ct);

    /// <summary>Likewise, for a stream that another cluster sends or fetches.</summary>
    public Task<IDisposable> ServingTurn(CancellationToken ct) => Turn(_serving, ct);

    /// <summary>What bounds the speed of one transfer; null: nothing does.</summary>
    public Func<int, CancellationToken, ValueTask>? Pacing(long bytesPerSecond)
    {
        var own = bytesPerSecond > 0 ? new Pace(bytesPerSecond, clock) : null;
        if (own is null || _node is null)
        {
            return (own ?? _node) is { } only ? only.Pass : null;
        }

        return async (bytes, ct) =>
        {
            await own.Pass(bytes, ct);
            await _node.Pass(bytes, ct);
        };
    }

    public void Dispose()
    {
        _runs.Dispose();
        _serving.Dispose();
    }

    private static async Task<IDisposable> Turn(SemaphoreSlim turns, CancellationToken ct)
    {
        await turns.WaitAsync(ct);
        return new Release(turns);
    }

    private sealed class Release(SemaphoreSlim turns) : IDisposable
    {
        private int _released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _released, 1) == 0)
            {
                turns.Release();
            }
        }
    }
}

/// <summary>
/// So many bytes a second, over all who pass: each takes its time from a common line, and waits when that is ahead of the clock. What was
/// not used for a while is not saved up.
/// </summary>
internal sealed class Pace(long bytesPerSecond, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly long _start = clock.GetTimestamp();
    private TimeSpan _line;

    public async ValueTask Pass(int bytes, CancellationToken ct)
    {
        TimeSpan wait;
        lock (_lock)
        {
            var now = clock.GetElapsedTime(_start);
            _line = (_line > now ? _line : now) + TimeSpan.FromSeconds((double)bytes / bytesPerSecond);
            wait = _line - now;
        }

        if (wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, clock, ct);
        }
    }
}

/// <summary>Reads another stream no faster than it may, in pieces so small that the pauses between them are not taken for a stall.</summary>
internal sealed class PacedReader(Stream inner, Func<int, CancellationToken, ValueTask> pass) : ReadOnlyStream
{
    public const int Piece = 8 * 1024;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, Piece)], cancellationToken);
        await pass(count, cancellationToken);
        return count;
    }
}

/// <summary>Writes to another stream no faster than it may, in pieces likewise.</summary>
internal sealed class PacedWriter(Stream inner, Func<int, CancellationToken, ValueTask> pass) : WriteOnlyStream
{
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        foreach (var piece in buffer.InPieces(PacedReader.Piece))
        {
            await pass(piece.Length, cancellationToken);
            await inner.WriteAsync(piece, cancellationToken);
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
}
