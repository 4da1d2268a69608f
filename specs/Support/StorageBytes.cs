using Dotmesh.Actors.Storage;

namespace Dotmesh.Specs.Support;

/// <summary>Streams of a pool, whole in memory.</summary>
public static class StorageBytes
{
    public static async Task<byte[]> Sent(this IStorage storage, StreamRange range, string? resume = null)
    {
        using var stream = new MemoryStream();
        await storage.Send(range, resume, stream, CancellationToken.None);
        return stream.ToArray();
    }
}
