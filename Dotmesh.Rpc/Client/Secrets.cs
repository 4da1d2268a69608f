using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dotmesh.Client;

/// <summary>Requests and replies as text for people, without what is secret in them.</summary>
internal static class Secrets
{
    private const string Hidden = "***";

    public static string Hide(string method, JsonNode? parameters)
    {
        using var document = JsonDocument.Parse(parameters?.ToJsonString() ?? "null");
        return $$"""{"method":{{JsonValue.Create(method).ToJsonString()}},"params":{{Hide(document.RootElement)}}}""";
    }

    /// <summary>A reply; of a backup, which is all secrets, only what kind it is.</summary>
    public static string Hide(string method, JsonElement reply)
    {
        const string backup = "DumpEtcd";
        return method.Contains(backup, StringComparison.OrdinalIgnoreCase) && reply.TryGetProperty("result"u8, out _)
            ? $$"""{"result":"{{Hidden}}"}"""
            : Hide(reply);
    }

    private static string Hide(JsonElement element)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            Write(json, element);
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Write(Utf8JsonWriter json, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var member in element.EnumerateObject())
                {
                    json.WritePropertyName(member.Name);
                    if (IsSecret(member.Name) && member.Value.ValueKind == JsonValueKind.String && member.Value.GetString()!.Length > 0)
                    {
                        json.WriteStringValue(Hidden);
                    }
                    else
                    {
                        Write(json, member.Value);
                    }
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                {
                    Write(json, item);
                }

                json.WriteEndArray();
                break;
            default:
                element.WriteTo(json);
                break;
        }
    }

    private static bool IsSecret(string member) =>
        member.Equals("ApiKey", StringComparison.OrdinalIgnoreCase)
        || member.EndsWith("Password", StringComparison.OrdinalIgnoreCase)
        || member.Equals("Salt", StringComparison.OrdinalIgnoreCase)
        || member.Equals("SecretKey", StringComparison.OrdinalIgnoreCase)
        || member.Equals("Dump", StringComparison.OrdinalIgnoreCase)
        || member.Equals("Token", StringComparison.OrdinalIgnoreCase);
}
