using System.IO.Compression;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// What a gzip container holds; several members one after the other are one. The end is only told when it was reached: the runtime's
/// reader takes an input that breaks off for one that ended, and ignores what follows. Anything else is
/// <see cref="StorageFailure.BadStream"/>, now and on every later read.
/// </summary>
/// <remarks>
/// After the last byte of the input the decoder is given bytes that begin neither a member nor a block. One that has finished looks at
/// them and stops. One that has not takes them for data, and fails or tells of more.
/// </remarks>
internal sealed class StrictGunzip : ReadOnlyStream
{
    private readonly ProbedInput _input;
    private readonly GZipStream _gzip;
    private bool _broken;
    private bool _ended;

    public StrictGunzip(Stream input)
    {
        _input = new ProbedInput(input);
        _gzip = new GZipStream(_input, CompressionMode.Decompress, leaveOpen: true);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_ended || buffer.IsEmpty)
        {
            return 0;
        }

        if (_broken)
        {
            throw Bad("reading it has failed before");
        }

        // until this read has succeeded: where the decoder stands after one that did not, nobody knows
        _broken = true;
        int count;
        try
        {
            count = await _gzip.ReadAsync(buffer, cancellationToken);
        }
        catch (InvalidDataException damaged)
        {
            throw Bad(_input.HasEnded ? "it ends too early" : "it is not gzip or it is damaged", damaged);
        }

        _ended = count == 0 && _input.HasEnded ? true
            : count == 0 ? throw Bad("something follows its end")
            : _input.HasEnded ? throw Bad("it ends too early")
            : false;
        _broken = false;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gzip.Dispose();
        }

        base.Dispose(disposing);
    }

    internal static StorageException Bad(string why, Exception? inner = null) =>
        new(StorageFailure.BadStream, $"The body of the transfer is not usable: {why}. Nothing of it counts; transfer it again.", inner);

    /// <summary>The input, and after its end the probe, once.</summary>
    private sealed class ProbedInput(Stream input) : ReadOnlyStream
    {
        private const int ProbeBytes = 64;

        // the decoder itself asks for 8 KiB at a time
        private readonly byte[] _read = new byte[64 * 1024];
        private int _at;
        private int _end;

        public bool HasEnded { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (HasEnded)
            {
                throw new InvalidDataException("The decoder needs more after the end of its input.");
            }

            if (_at == _end)
            {
                _at = _end = 0;
                _end = await input.ReadAsync(_read, cancellationToken);
            }

            var count = Math.Min(buffer.Length, _end - _at);
            _read.AsSpan(_at, count).CopyTo(buffer.Span);
            _at += count;
            if (count > 0 || buffer.IsEmpty)
            {
                return count;
            }

            HasEnded = true;
            var probe = buffer[..Math.Min(ProbeBytes, buffer.Length)];
            probe.Span.Fill(0xff);
            return probe.Length;
        }
    }
}
