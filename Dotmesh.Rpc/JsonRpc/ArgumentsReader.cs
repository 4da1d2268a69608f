using System.Text;
using System.Text.Json;

namespace Dotmesh.Rpc.JsonRpc;

/// <summary>How a method takes its parameters (contract 1.5).</summary>
public enum ParamsStyle
{
    /// <summary>An object, null, nothing, or a one-element array of these.</summary>
    Object,

    /// <summary>A bare string, null, nothing, or a one-element array of these.</summary>
    Text,
}

/// <summary>Decodes params; every refusal names the member and what was found. Pure.</summary>
public static class ArgumentsReader
{
    public static (Arguments? Arguments, RpcError? Error) Read(
        ReadOnlyMemory<byte> json, ParamsStyle style, IReadOnlyList<Argument> shape)
    {
        var arguments = new Arguments(shape);
        if (json.IsEmpty)
        {
            return (arguments, null);
        }

        // the envelope was read through these bytes: they are valid JSON, and not deeper than allowed
        var reader = new Utf8JsonReader(json.Span, new JsonReaderOptions { MaxDepth = int.MaxValue });
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.EndArray)
            {
                return (arguments, null);
            }
        }

        var problem = style == ParamsStyle.Text ? Bare(ref reader, arguments) : Members(ref reader, arguments, shape, "");
        return problem is null ? (arguments, null) : (null, RpcError.Params($"Invalid params: {problem}."));
    }

    private static string? Bare(ref Utf8JsonReader reader, Arguments arguments)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.String:
                arguments[0] = EnvelopeReader.TextOf(ref reader);
                return arguments[0] is null ? "the string is not valid Unicode" : null;
            default:
                return $"a string is expected, not {Found(reader.TokenType)}";
        }
    }

    private static string? Members(
        ref Utf8JsonReader reader, Arguments arguments, IReadOnlyList<Argument> shape, string path)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return $"{(path.Length == 0 ? "an object is expected" : $"{path} must be an object")}, not {Found(reader.TokenType)}";
        }

        var newNameSeen = 0L;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (index, isOld) = IndexOf(ref reader, shape);
            reader.Read();
            if (index < 0 || (isOld && (newNameSeen & (1L << index)) != 0))
            {
                reader.Skip();
                continue;
            }

            if (!isOld)
            {
                newNameSeen |= 1L << index;
            }

            var name = isOld ? shape[index].OldName! : shape[index].Name;
            var problem = Value(ref reader, shape[index], path.Length == 0 ? name : $"{path}.{name}", out var value);
            if (problem is not null)
            {
                return problem;
            }

            arguments[index] = value;
        }

        return null;
    }

    private static string? Value(ref Utf8JsonReader reader, Argument argument, string path, out object? value)
    {
        value = null;
        switch (argument.Kind)
        {
            case ArgumentKind.Text:
                return Text(ref reader, path, out value);
            case ArgumentKind.Number:
                return Number(ref reader, path, out value);
            case ArgumentKind.TextMap:
                return TextMap(ref reader, path, out value);
            case ArgumentKind.Boolean:
                return Boolean(ref reader, path, out value);
            case ArgumentKind.Json:
                value = JsonElement.ParseValue(ref reader);
                return null;
            default:
                var members = new Arguments(argument.Members);
                value = reader.TokenType == JsonTokenType.Null ? null : members;
                return Members(ref reader, members, argument.Members, path);
        }
    }

    private static string? Text(ref Utf8JsonReader reader, string path, out object? value)
    {
        value = null;
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (reader.TokenType != JsonTokenType.String)
        {
            return $"{path} must be a string, not {Found(reader.TokenType)}";
        }

        value = EnvelopeReader.TextOf(ref reader);
        return value is null ? $"{path} is not valid Unicode" : null;
    }

    private static string? Number(ref Utf8JsonReader reader, string path, out object? value)
    {
        value = null;
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number))
        {
            return reader.TokenType == JsonTokenType.Number
                ? $"{path} must be a whole number of at most 64 bits"
                : $"{path} must be a number, not {Found(reader.TokenType)}";
        }

        value = number;
        return null;
    }

    private static string? Boolean(ref Utf8JsonReader reader, string path, out object? value)
    {
        value = reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            _ => null,
        };
        return value is null && reader.TokenType != JsonTokenType.Null ? $"{path} must be a boolean, not {Found(reader.TokenType)}" : null;
    }

    private static string? TextMap(ref Utf8JsonReader reader, string path, out object? value)
    {
        value = null;
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return $"{path} must be an object of strings, not {Found(reader.TokenType)}";
        }

        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        value = map;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (EnvelopeReader.TextOf(ref reader) is not { } key)
            {
                return $"a member name of {path} is not valid Unicode";
            }

            reader.Read();
            if (Text(ref reader, $"{path}.{key}", out var text) is { } problem)
            {
                return problem;
            }

            map[key] = text as string ?? "";
        }

        return null;
    }

    private static (int Index, bool IsOld) IndexOf(ref Utf8JsonReader reader, IReadOnlyList<Argument> shape)
    {
        var name = reader.ValueIsEscaped
            ? Encoding.UTF8.GetBytes(EnvelopeReader.TextOf(ref reader) ?? "")
            : reader.ValueSpan;
        for (var i = 0; i < shape.Count; i++)
        {
            if (Ascii.EqualsIgnoreCase(name, shape[i].Utf8Name))
            {
                return (i, false);
            }

            if (shape[i].OldName is not null && Ascii.EqualsIgnoreCase(name, shape[i].Utf8OldName))
            {
                return (i, true);
            }
        }

        return (-1, false);
    }

    private static string Found(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.Number => "a number",
        JsonTokenType.String => "a string",
        JsonTokenType.Null => "null",
        _ => "a boolean",
    };
}
