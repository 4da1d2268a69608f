using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>Of one content as a stream brings it: of the offset and the bytes of each part.</summary>
internal sealed class ContentHash : IDisposable
{
    internal const int Size = SHA256.HashSizeInBytes;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public void Dispose() => _hash.Dispose();

    internal void Add(long offset, ReadOnlySpan<byte> part)
    {
        Span<byte> at = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(at, offset);
        _hash.AppendData(at);
        _hash.AppendData(part);
    }

    /// <summary>The next one begins.</summary>
    internal byte[] End() => _hash.GetHashAndReset();
}
