using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Dotmesh.Rpc.Http;

/// <summary>Reads a request body of limited size; one that came in one piece is not copied.</summary>
internal static class BodyReader
{
    public static async ValueTask<Body> Read(HttpRequest request, int limit)
    {
        // Kestrel's own limit would end the connection; this one is answered
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            feature.MaxRequestBodySize = null;
        }

        if (request.ContentLength > limit)
        {
            return new Body(default, TooLarge: true, null);
        }

        var pipe = request.BodyReader;
        var read = await pipe.ReadAsync(request.HttpContext.RequestAborted);
        if (read.Buffer.IsSingleSegment && (read.IsCompleted || read.Buffer.Length == request.ContentLength))
        {
            return read.Buffer.Length > limit
                ? Rejected(pipe, read.Buffer)
                : new Body(read.Buffer.First, TooLarge: false, new Held(pipe, read.Buffer.End));
        }

        return await Collect(pipe, read, limit, request.HttpContext.RequestAborted);
    }

    private static async ValueTask<Body> Collect(PipeReader pipe, ReadResult read, int limit, CancellationToken ct)
    {
        var collected = new ArrayBufferWriter<byte>();
        while (true)
        {
            if (collected.WrittenCount + read.Buffer.Length > limit)
            {
                return Rejected(pipe, read.Buffer);
            }

            foreach (var segment in read.Buffer)
            {
                collected.Write(segment.Span);
            }

            pipe.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return new Body(collected.WrittenMemory, TooLarge: false, null);
            }

            read = await pipe.ReadAsync(ct);
        }
    }

    private static Body Rejected(PipeReader pipe, ReadOnlySequence<byte> buffer)
    {
        pipe.AdvanceTo(buffer.End);
        return new Body(default, TooLarge: true, null);
    }

    /// <param name="Bytes">Valid until released.</param>
    public readonly record struct Body(ReadOnlyMemory<byte> Bytes, bool TooLarge, Held? Held)
    {
        public void Release() => Held?.Release();
    }

    /// <summary>Memory of the connection that is given back once.</summary>
    public sealed class Held(PipeReader pipe, SequencePosition end)
    {
        private bool _released;

        public void Release()
        {
            if (!_released)
            {
                _released = true;
                pipe.AdvanceTo(end);
            }
        }
    }
}
