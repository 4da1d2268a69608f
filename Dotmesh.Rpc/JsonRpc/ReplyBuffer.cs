using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Dotmesh.Rpc.JsonRpc;

/// <summary>
/// Collects a reply, so that its length is known before the first byte goes out and a result that fails to serialize
/// leaves nothing behind. Formats of contract 1.5: <c>jsonrpc</c>, then <c>result</c> or <c>error</c>, then <c>id</c>.
/// </summary>
internal sealed class ReplyBuffer : IBufferWriter<byte>, IDisposable
{
    private const int KeptBytes = 256 * 1024;

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly Utf8JsonWriter _json;
    private byte[] _bytes = new byte[1024];

    public ReplyBuffer() => _json = new Utf8JsonWriter(this, WriterOptions);

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    public int Length { get; private set; }

    /// <summary>Empties it; false when it has grown too large to be kept.</summary>
    public bool Clear()
    {
        Length = 0;
        return _bytes.Length <= KeptBytes;
    }

    /// <summary>Takes back what was appended after the length was this.</summary>
    public void Truncate(int length) => Length = Math.Min(Length, length);

    public void Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>A writer for the value that comes before <see cref="End"/>.</summary>
    public Utf8JsonWriter BeginResult()
    {
        Raw("{\"jsonrpc\":\"2.0\",\"result\":"u8);
        _json.Reset();
        return _json;
    }

    public void End(ReadOnlySpan<byte> id)
    {
        _json.Flush();
        Raw(",\"id\":"u8);
        Raw(id.IsEmpty ? "null"u8 : id);
        Raw("}"u8);
    }

    public void Error(RpcError error, string requestId, ReadOnlySpan<byte> id)
    {
        Raw("{\"jsonrpc\":\"2.0\",\"error\":"u8);
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber("code"u8, error.Code);
        _json.WriteString("message"u8, error.Message);
        _json.WriteStartObject("data"u8);
        _json.WriteString("requestId"u8, requestId);
        _json.WriteString("code"u8, error.Reason);
        _json.WriteEndObject();
        _json.WriteEndObject();
        End(id);
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Length);
    }

    public void Dispose() => _json.Dispose();

    private void Reserve(int count)
    {
        var needed = Length + Math.Max(count, 1);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(needed, _bytes.Length * 2));
        }
    }
}
