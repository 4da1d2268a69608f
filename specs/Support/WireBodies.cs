using Dotmesh.Actors.Transfers;

namespace Dotmesh.Specs.Support;

/// <summary>Bodies of streams, read by specs.</summary>
internal static class WireBodies
{
    /// <summary>Reads to the end of the body, so that it is known to be complete; answers the bytes that were left.</summary>
    public static async Task<long> Finish(this WireBodyReader reader, CancellationToken ct)
    {
        var before = reader.Bytes;
        await reader.CopyToAsync(Stream.Null, ct);
        return reader.Bytes - before;
    }
}
