using System.Buffers.Binary;
using System.IO.Hashing;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// Writes a gzip container whose blocks are stored as they are, which is all that the body of a stream needs (contract 6.4): large writes
/// stay large, where the runtime's own writer cuts them into pieces of 8 KiB. Nothing ends it but <see cref="Complete"/>.
/// </summary>
/// <param name="output">Not closed.</param>
internal sealed class StoredGzip(Stream output) : WriteOnlyStream
{
    // of a stored block, whose length has 16 bits
    private const int Most = ushort.MaxValue, Head = 5;

    private static readonly byte[] Begin = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

    private readonly byte[] _block = new byte[Begin.Length + Head + Most];
    private readonly Crc32 _sum = new();
    private uint _length;
    private bool _begun;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        foreach (var piece in buffer.InPieces(Most))
        {
            await Block(piece, last: false, cancellationToken);
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);

    /// <summary>Writes the end: an empty last block, checksum and length.</summary>
    public async Task Complete(CancellationToken ct)
    {
        await Block(default, last: true, ct);
        var end = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(end, _sum.GetCurrentHashAsUInt32());
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(4), _length);
        await output.WriteAsync(end, ct);
    }

    private ValueTask Block(ReadOnlyMemory<byte> data, bool last, CancellationToken ct)
    {
        var at = 0;
        if (!_begun)
        {
            Begin.CopyTo(_block, 0);
            (at, _begun) = (Begin.Length, true);
        }

        _block[at] = (byte)(last ? 1 : 0);
        BinaryPrimitives.WriteUInt16LittleEndian(_block.AsSpan(at + 1), (ushort)data.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(_block.AsSpan(at + 3), (ushort)~data.Length);
        data.CopyTo(_block.AsMemory(at + Head));
        _sum.Append(data.Span);
        // the container's length has 32 bits and turns over
        _length = unchecked(_length + (uint)data.Length);
        return output.WriteAsync(_block.AsMemory(0, at + Head + data.Length), ct);
    }
}
