namespace Dotmesh.Actors.Storage;

/// <summary>A stream that can be read forwards and asynchronously, and nothing else.</summary>
public abstract class ReadOnlyStream : Stream
{
    public sealed override bool CanRead => true;
    public sealed override bool CanSeek => false;
    public sealed override bool CanWrite => false;
    public sealed override long Length => throw new NotSupportedException();
    public sealed override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    public sealed override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public sealed override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("read it asynchronously");
    public sealed override void Flush() { }
    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public sealed override void SetLength(long value) => throw new NotSupportedException();
    public sealed override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

/// <summary>Several streams, one after the other.</summary>
public sealed class JoinedStream(params IEnumerable<Stream> parts) : ReadOnlyStream
{
    private readonly Queue<Stream> _parts = new(parts);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_parts.TryPeek(out var part))
        {
            if (await part.ReadAsync(buffer, cancellationToken) is > 0 and var count)
            {
                return count;
            }

            _parts.Dequeue();
        }

        return 0;
    }
}

/// <summary>A stream that can be written forwards and asynchronously, and nothing else.</summary>
public abstract class WriteOnlyStream : Stream
{
    public sealed override bool CanRead => false;
    public sealed override bool CanSeek => false;
    public sealed override bool CanWrite => true;
    public sealed override long Length => throw new NotSupportedException();
    public sealed override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public abstract override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default);

    public abstract override Task FlushAsync(CancellationToken cancellationToken);

    public sealed override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public sealed override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public sealed override void Flush() => throw new NotSupportedException();
    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public sealed override void SetLength(long value) => throw new NotSupportedException();
    public sealed override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

/// <summary>Large writes, where they are to be made in steps.</summary>
public static class Pieces
{
    /// <summary>None of an empty buffer.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> InPieces(this ReadOnlyMemory<byte> buffer, int most)
    {
        for (var rest = buffer; !rest.IsEmpty; rest = rest[Math.Min(most, rest.Length)..])
        {
            yield return rest[..Math.Min(most, rest.Length)];
        }
    }
}

/// <summary>Counts what is written through it.</summary>
/// <param name="output">Not closed.</param>
/// <param name="written">Told of all bytes so far, after each step of a write: who writes much at once is to be seen on the way. Null: nobody asks.</param>
internal sealed class CountingStream(Stream output, Action<long>? written = null) : WriteOnlyStream
{
    // what a stored block of a body holds
    private const int Step = ushort.MaxValue;

    public long Bytes { get; private set; }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        foreach (var step in buffer.InPieces(written is null ? int.MaxValue : Step))
        {
            await output.WriteAsync(step, cancellationToken);
            Bytes += step.Length;
            written?.Invoke(Bytes);
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);
}
