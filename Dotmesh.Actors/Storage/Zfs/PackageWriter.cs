namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Makes one package of two send streams: of one snapshot, and of those after it, which come as a package themselves. The result is
/// what <c>zfs send -R</c> writes, without any property.
/// </summary>
/// <param name="output">Not closed.</param>
/// <param name="last">Name of the last snapshot.</param>
internal sealed class PackageWriter(Stream output, string last) : WriteOnlyStream
{
    private readonly byte[] _head = new byte[2 * SendRecord.Length];
    private int _held;
    private bool _next;

    // how much of the beginning is held back, to be looked at
    private int Wanted => _next ? _head.Length : SendRecord.Length;

    /// <summary>Between the streams.</summary>
    public void OpenNext() => (_next, _held) = (true, 0);

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_held < Wanted)
        {
            var some = buffer[..Math.Min(Wanted - _held, buffer.Length)];
            some.CopyTo(_head.AsMemory(_held));
            buffer = buffer[some.Length..];
            _held += some.Length;
            if (_held < Wanted)
            {
                return;
            }

            await Opened(cancellationToken);
        }

        await output.WriteAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);

    private async ValueTask Opened(CancellationToken ct)
    {
        var begin = SendRecord.First(_head.AsMemory(0, SendRecord.Length));
        if (!begin.IsBegin || begin.IsPackage != _next || (_next && begin.Payload > 0))
        {
            throw new StorageException(StorageFailure.Unexpected,
                "zfs send wrote a stream of an unknown form. Is it the zfs program of this system?");
        }

        if (!_next)
        {
            await output.WriteAsync(begin.PackageHead(last), ct);
            await output.WriteAsync(begin.Bytes, ct);
        }
    }
}
