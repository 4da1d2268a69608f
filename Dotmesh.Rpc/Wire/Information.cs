using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dotmesh.Rpc.Wire;

public sealed record ConfigReply(JsonElement? Plans, string StripePublicKey);

/// <summary>The members of both eras (contract 3.10).</summary>
public sealed record VersionReply(
    string Name,
    string Version,
    string Website,
    [property: JsonPropertyName("installed_version")] string InstalledVersion,
    [property: JsonPropertyName("current_version")] string CurrentVersion,
    [property: JsonPropertyName("current_release_date")] long CurrentReleaseDate,
    [property: JsonPropertyName("current_download_url")] string CurrentDownloadUrl,
    [property: JsonPropertyName("current_changelog_url")] string CurrentChangelogUrl,
    [property: JsonPropertyName("project_website")] string ProjectWebsite,
    [property: JsonPropertyName("outdated")] bool Outdated);

/// <summary>Answer of Ping: the string <c>"true"</c> on the reference port, the boolean elsewhere (design D12).</summary>
[JsonConverter(typeof(PongConverter))]
public readonly record struct Pong(bool AsText);

public sealed class PongConverter : JsonConverter<Pong>
{
    public override Pong Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(reader.TokenType == JsonTokenType.String);

    public override void Write(Utf8JsonWriter writer, Pong value, JsonSerializerOptions options)
    {
        if (value.AsText)
        {
            writer.WriteStringValue("true"u8);
        }
        else
        {
            writer.WriteBooleanValue(true);
        }
    }
}
