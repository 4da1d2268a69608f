using System.Collections.Concurrent;
using Dotmesh.Rpc.JsonRpc;

namespace Dotmesh.Rpc.Http;

/// <summary>Reply buffers to be used again; large ones are not kept.</summary>
internal sealed class ReplyPool : IDisposable
{
    private const int Kept = 64;

    private readonly ConcurrentQueue<ReplyBuffer> _free = new();

    public ReplyBuffer Rent() => _free.TryDequeue(out var buffer) ? buffer : new ReplyBuffer();

    public void Return(ReplyBuffer buffer)
    {
        if (buffer.Clear() && _free.Count < Kept)
        {
            _free.Enqueue(buffer);
        }
        else
        {
            buffer.Dispose();
        }
    }

    public void Dispose()
    {
        while (_free.TryDequeue(out var buffer))
        {
            buffer.Dispose();
        }
    }
}
