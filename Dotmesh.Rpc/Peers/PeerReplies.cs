using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Rpc.Peers;

/// <summary>
/// Reads results of other clusters. Refused (<see cref="RefusalCode.Invalid"/>) with what is wrong; an undefined element is a result that is
/// not there. Throws <see cref="JsonException"/> for a shape that is another than the method's. Pure.
/// </summary>
internal static partial class PeerReplies
{
    private const int MostFormats = 100;

    public static Outcome<Done> Anything(JsonElement result) => default(Done);

    /// <summary>The boolean, or the text that the written documentation shows.</summary>
    public static Outcome<Done> Pong(JsonElement result) =>
        result.ValueKind == JsonValueKind.True || (result.ValueKind == JsonValueKind.String && result.ValueEquals("true"u8))
            ? default(Done)
            : Invalid("it is not true");

    public static Outcome<FilesystemId?> FilesystemOrNone(JsonElement result) =>
        result.ValueKind != JsonValueKind.String ? Invalid("it is no text")
        : result.ValueEquals(""u8) ? (FilesystemId?)null
        : Names.Filesystem(Text(result)).Then<FilesystemId?>(id => id);

    public static Outcome<UncheckedPath> Path(JsonElement result)
    {
        if (Object(result, PeerJson.Default.PathReply) is not { TopLevelFilesystemName: { } name } path)
        {
            return Invalid("it has no TopLevelFilesystemName");
        }

        return path.Unchecked(name.Namespace ?? "", name.Name ?? "");
    }

    public static Outcome<ImmutableArray<CommitProperties>> Commits(JsonElement result) =>
        CommitList.Read(List(result, PeerJson.Default.CommitReplies).Select(Commit));

    public static Outcome<long> DirtyBytes(JsonElement result) =>
        Object(result, PeerJson.Default.VolumeReply)?.DirtyBytes is { } bytes ? Bytes(bytes) : Invalid("it has no DirtyBytes");

    public static Outcome<long> Bytes(JsonElement result) =>
        result.ValueKind == JsonValueKind.Number ? Bytes(result.Deserialize(PeerJson.Default.Int64)) : Invalid("it is no number");

    /// <summary>Empty is the beginning. It goes to this node's own pool, which looks at it again.</summary>
    public static Outcome<string?> ResumePoint(JsonElement result) =>
        result.ValueKind != JsonValueKind.String ? Invalid("it is no text")
        : result.GetString()! is not { Length: > 0 } place ? default(string?)
        : StreamFormats.IsPlace(place) ? place
        : Invalid("it is no place in a stream");

    public static Outcome<ImmutableArray<string>> Containers(JsonElement result)
    {
        var containers = List(result, PeerJson.Default.ContainerReplies);
        return containers.Any(container => container?.Name is null)
            ? Invalid("there is a container without a name")
            : containers.Select(container => container!.Name!).ToImmutableArray();
    }

    public static Outcome<ImmutableArray<string>> Formats(JsonElement result)
    {
        var formats = List(result, PeerJson.Default.TextReplies);
        return formats.Length > MostFormats || formats.Any(format => !IsFormat(format))
            ? Invalid("it is no list of names of formats")
            : formats.Select(format => format!).ToImmutableArray();
    }

    /// <summary>A name that can stand in a header and in a text.</summary>
    public static bool IsFormat(string? text) => text is not null && FormatName().IsMatch(text);

    private static Outcome<CommitProperties> Commit(CommitReply? reply)
    {
        foreach (var (key, value) in reply?.Metadata ?? ImmutableSortedDictionary<string, string?>.Empty)
        {
            if (value is null || CommitMetadata.CheckKey(key) is not null)
            {
                return Invalid(CommitMetadata.CheckKey(key) ?? $"the value of {key} is null");
            }
        }

        return Names.Commit(reply?.Id ?? "").Then<CommitProperties>(id => new CommitProperties(
            id, reply?.Metadata is { } metadata ? new CommitMetadata(metadata!) : CommitMetadata.Empty));
    }

    private static Outcome<long> Bytes(long bytes) => bytes >= 0 ? bytes : Invalid("the number is negative");

    private static T? Object<T>(JsonElement result, JsonTypeInfo<T> type)
        where T : class => result.ValueKind == JsonValueKind.Undefined ? null : result.Deserialize(type);

    /// <summary>Go writes an empty list as null.</summary>
    private static ImmutableArray<T> List<T>(JsonElement result, JsonTypeInfo<ImmutableArray<T>> type) =>
        result.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? [] : result.Deserialize(type);

    private static string Text(JsonElement result) => result.Deserialize(PeerJson.Default.String) ?? "";

    private static Refusal Invalid(string why) => new(RefusalCode.Invalid, why);

    [GeneratedRegex(@"^[A-Za-z0-9._\-]{1,64}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex FormatName();
}
