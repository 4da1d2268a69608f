using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text.Json;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// What stands before the stream in a body: the metadata of its commits, base64 of <c>{"SnapshotProperties":[{"Id":..,"Metadata":{..}}]}</c>
/// or of <c>{"SnapshotProperties":null}</c>, then <see cref="Marker"/> (contract 6.4). Servers that keep metadata nowhere in the stream take
/// it from here.
/// </summary>
/// <param name="Commits">Oldest first; null: the stream itself carries the metadata.</param>
public sealed record WirePrelude(ImmutableArray<CommitProperties>? Commits)
{
    /// <summary>Bytes of base64 that are written or read: both sides hold them in memory.</summary>
    public const int MostBytes = 16 << 20;

    private const string Properties = "SnapshotProperties";

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    public static ReadOnlySpan<byte> Marker => "!!END_PRELUDE!!"u8;

    /// <summary>Base64 and marker. Refused when it is longer than readers take.</summary>
    public Outcome<byte[]> Encode()
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            Write(writer);
        }

        var length = Base64.GetMaxEncodedToUtf8Length(json.WrittenCount);
        if (length > MostBytes)
        {
            return new Refusal(
                RefusalCode.Invalid,
                $"The metadata of {Commits?.Length} commits takes {length} bytes before the stream, and {MostBytes} are the most: "
                + "move fewer commits at once.");
        }

        var encoded = new byte[length + Marker.Length];
        Base64.EncodeToUtf8(json.WrittenSpan, encoded, out _, out _);
        Marker.CopyTo(encoded.AsSpan(length));
        return encoded;
    }

    /// <summary>Reads what stands before the marker, in place.</summary>
    /// <returns>Refused (<see cref="RefusalCode.Invalid"/>) with what is wrong and with which commit, counted from 1.</returns>
    public static Outcome<WirePrelude> Decode(Memory<byte> encoded)
    {
        if (Base64.DecodeFromUtf8InPlace(encoded.Span, out var length) != OperationStatus.Done)
        {
            return Bad("it is not base64");
        }

        try
        {
            using var json = JsonDocument.Parse(encoded[..length], Strict);
            return Read(json.RootElement);
        }
        catch (JsonException malformed)
        {
            return Bad($"it is not valid JSON ({malformed.Message})");
        }
        catch (InvalidOperationException)
        {
            // what System.Text.Json throws for text that is no text
            return Bad("it holds text that is not UTF-8");
        }
    }

    private void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        if (Commits is not { } commits)
        {
            writer.WriteNull(Properties);
            writer.WriteEndObject();
            return;
        }

        writer.WriteStartArray(Properties);
        foreach (var commit in commits)
        {
            writer.WriteStartObject();
            writer.WriteString("Id", commit.Id.Value);
            writer.WriteStartObject("Metadata");
            foreach (var (key, value) in commit.Metadata)
            {
                writer.WriteString(key, value);
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static Outcome<WirePrelude> Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            return Bad($"it must be an object, not {Kind(root)}");
        }

        var list = Member(root, Properties);
        if (list.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
        {
            return new WirePrelude((ImmutableArray<CommitProperties>?)null);
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            return Bad($"{Properties} must be a list or null, not {Kind(list)}");
        }

        var commits = CommitList.Read(list.EnumerateArray().Select(Commit));
        return commits.Refused(out var refusal) ? Bad(refusal.Message) : new WirePrelude(commits.Value);
    }

    private static Outcome<CommitProperties> Commit(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            return Invalid($"it must be an object, not {Kind(element)}");
        }

        var id = Member(element, "Id");
        if (id.ValueKind != JsonValueKind.String)
        {
            return Invalid($"Id must be a string, not {Kind(id)}");
        }

        return Names.Commit(id.GetString()!).Then(commit =>
            Metadata(Member(element, "Metadata")).Then<CommitProperties>(metadata => new CommitProperties(commit, metadata)));
    }

    private static Outcome<CommitMetadata> Metadata(JsonElement element)
    {
        if (element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
        {
            return CommitMetadata.Empty;
        }

        if (element.ValueKind != JsonValueKind.Object)
        {
            return Invalid($"Metadata must be an object, not {Kind(element)}");
        }

        var values = new List<KeyValuePair<string, string>>();
        foreach (var member in element.EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.String)
            {
                return Invalid($"the value of {member.Name} must be a string, not {Kind(member.Value)}");
            }

            if (CommitMetadata.CheckKey(member.Name) is { } why)
            {
                return Invalid(why);
            }

            values.Add(KeyValuePair.Create(member.Name, member.Value.GetString()!));
        }

        return new CommitMetadata(values);
    }

    /// <summary>Whatever its case, as the original read; undefined when there is none.</summary>
    private static JsonElement Member(JsonElement of, string name) =>
        of.TryGetProperty(name, out var exact)
            ? exact
            : of.EnumerateObject().FirstOrDefault(member => member.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    private static string Kind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Undefined => "missing",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.Null => "null",
        var simple => $"a {simple.ToString().ToLowerInvariant()}",
    };

    private static Refusal Bad(string why) => Invalid($"The prelude of the stream is not usable: {why}.");

    private static Refusal Invalid(string why) => new(RefusalCode.Invalid, why);
}
