using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Rpc.Nodes;

namespace Dotmesh.Rpc.Streams;

/// <summary>Writes to another stream and gives up when it takes nothing for a while: who fetches a stream may be slow, and not gone.</summary>
internal sealed class StallingWriter(Stream inner, TimeSpan limit) : WriteOnlyStream
{
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await Within(token => inner.WriteAsync(buffer, token), cancellationToken);

    public override async Task FlushAsync(CancellationToken cancellationToken) =>
        await Within(token => new ValueTask(inner.FlushAsync(token)), cancellationToken);

    private ValueTask<Done> Within(Func<CancellationToken, ValueTask> write, CancellationToken ct) => Stall.Within<Done>(
        limit,
        "no byte was taken",
        async token =>
        {
            await write(token);
            return default;
        },
        ct);
}
