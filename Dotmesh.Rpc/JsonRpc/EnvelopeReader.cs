using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Dotmesh.Rpc.JsonRpc;

/// <summary>How large a request may be made of small parts.</summary>
/// <param name="MaxBatch">Requests in a batch.</param>
/// <param name="MaxDepth">Levels of objects and arrays.</param>
public sealed record EnvelopeLimits(int MaxBatch = 100, int MaxDepth = 64);

/// <summary>
/// Reads bodies of <c>POST /rpc</c> (contract 1.5, design D12). Pure. Ids and params are cut out raw, so that an id of any
/// size or type can be echoed byte for byte. Bytes after the first JSON value are ignored, member names are matched
/// without regard to case, the last of several equal members counts.
/// </summary>
public static class EnvelopeReader
{
    public static RequestBody Read(ReadOnlyMemory<byte> body, EnvelopeLimits limits)
    {
        if (!Utf8.IsValid(body.Span))
        {
            return Failed(RpcError.Parse("Parse error: the body is not valid UTF-8."));
        }

        var reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = limits.MaxDepth + 8 });
        try
        {
            if (!reader.Read())
            {
                return Failed(RpcError.Parse("Parse error: the body is empty."));
            }

            return reader.TokenType switch
            {
                JsonTokenType.StartObject => new RequestBody(Object(ref reader, body, limits), null, null),
                JsonTokenType.StartArray => Batch(ref reader, body, limits),
                _ => Failed(RpcError.Request("A request must be an object, or an array of objects.")),
            };
        }
        catch (JsonException broken)
        {
            return Failed(RpcError.Parse(
                $"Parse error: the body is not valid JSON (line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1})."));
        }
        catch (NestedTooDeeplyException)
        {
            return Failed(RpcError.Request($"The request is nested more than {limits.MaxDepth} levels deep."));
        }
    }

    private static RequestBody Failed(RpcError error) => new(default, null, error);

    private static RequestBody Batch(ref Utf8JsonReader reader, ReadOnlyMemory<byte> body, EnvelopeLimits limits)
    {
        var calls = new List<Envelope>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (calls.Count == limits.MaxBatch)
            {
                return Failed(RpcError.Request($"A batch must not have more than {limits.MaxBatch} requests."));
            }

            if (reader.TokenType == JsonTokenType.StartObject)
            {
                calls.Add(Object(ref reader, body, limits));
            }
            else
            {
                Skip(ref reader, limits);
                calls.Add(Invalid(default, "A request must be an object."));
            }
        }

        return calls.Count == 0
            ? Failed(RpcError.Request("A batch must have at least one request."))
            : new RequestBody(default, [.. calls], null);
    }

    private static Envelope Object(ref Utf8JsonReader reader, ReadOnlyMemory<byte> body, EnvelopeLimits limits)
    {
        ReadOnlyMemory<byte> id = default, parameters = default;
        string? method = null, problem = null;
        var version = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var member = MemberOf(ref reader);
            reader.Read();
            var token = reader.TokenType;
            var start = (int)reader.TokenStartIndex;
            switch (member)
            {
                case Member.Version:
                    version = token == JsonTokenType.String && IsVersion(ref reader);
                    break;
                case Member.Method:
                    method = token == JsonTokenType.String ? TextOf(ref reader) : null;
                    problem = method is null ? "method must be a string." : null;
                    break;
            }

            Skip(ref reader, limits);
            var raw = body[start..(int)reader.BytesConsumed];
            switch (member)
            {
                case Member.Id:
                    id = token == JsonTokenType.Null ? default : raw;
                    break;
                case Member.Params:
                    parameters = raw;
                    break;
            }
        }

        if (!version)
        {
            return Invalid(id, "jsonrpc must be 2.0");
        }

        return problem is not null || method is null
            ? Invalid(id, problem ?? "method is missing.")
            : new Envelope(id, method, parameters, null);
    }

    private static Envelope Invalid(ReadOnlyMemory<byte> id, string message) =>
        new(id, null, default, RpcError.Request(message));

    private static Member MemberOf(ref Utf8JsonReader reader)
    {
        if (reader.ValueIsEscaped)
        {
            return TextOf(ref reader)?.ToLowerInvariant() switch
            {
                "jsonrpc" => Member.Version,
                "method" => Member.Method,
                "params" => Member.Params,
                "id" => Member.Id,
                _ => Member.Other,
            };
        }

        var name = reader.ValueSpan;
        return name.Length switch
        {
            2 when Ascii.EqualsIgnoreCase(name, "id"u8) => Member.Id,
            6 when Ascii.EqualsIgnoreCase(name, "method"u8) => Member.Method,
            6 when Ascii.EqualsIgnoreCase(name, "params"u8) => Member.Params,
            7 when Ascii.EqualsIgnoreCase(name, "jsonrpc"u8) => Member.Version,
            _ => Member.Other,
        };
    }

    // ValueTextEquals throws on half a surrogate pair, so it is only asked when nothing is escaped
    private static bool IsVersion(ref Utf8JsonReader reader) =>
        reader.ValueIsEscaped ? TextOf(ref reader) == "2.0" : reader.ValueSpan.SequenceEqual("2.0"u8);

    /// <summary>Null for text with half a surrogate pair, which no .NET string round-trips.</summary>
    internal static string? TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>To the last token of the value; the reader's own Skip would not tell depth from damage.</summary>
    private static void Skip(ref Utf8JsonReader reader, EnvelopeLimits limits)
    {
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            return;
        }

        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.CurrentDepth > limits.MaxDepth)
            {
                throw new NestedTooDeeplyException();
            }
        }
    }

    private enum Member
    {
        Other,
        Version,
        Method,
        Params,
        Id,
    }

    private sealed class NestedTooDeeplyException : Exception;
}
