using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dotmesh.Actors;

namespace Dotmesh.Node.Access;

/// <summary>How this node is reached by the command line of its own machine.</summary>
public sealed record LocalRemote(string User, string Hostname, int Port, string ApiKey)
{
    // not the generated one, which would print the key into a log
    public override string ToString() => $"{User}@{Hostname}:{Port}";
}

/// <summary>
/// The command line's config file (contract 7.2) as text in, text out. It belongs to the command line: the node adds or
/// updates the remote <c>local</c> in it and leaves everything else as it stands, members it does not know included.
/// </summary>
public static class ClientConfig
{
    private const string RemoteName = "local";

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The text to write, or the same text when there is nothing to change; refuses what is not such a file.</summary>
    public static Outcome<string> WithLocal(string? existing, LocalRemote local)
    {
        if (Parse(existing) is not { } config)
        {
            return NotAConfig();
        }

        if (config["Remotes"] is not (null or JsonObject))
        {
            return NotAConfig();
        }

        var remotes = config["Remotes"] as JsonObject ?? [];
        if (remotes[RemoteName] is not (null or JsonObject))
        {
            return NotAConfig();
        }

        var entry = remotes[RemoteName] as JsonObject ?? [];
        var changed = Set(entry, "User", local.User)
            | Set(entry, "Hostname", local.Hostname)
            | Set(entry, "Port", local.Port)
            | Set(entry, "ApiKey", local.ApiKey);
        if (string.IsNullOrEmpty(config["CurrentRemote"] is JsonValue current && current.TryGetValue<string>(out var name) ? name : null))
        {
            changed |= Set(config, "CurrentRemote", RemoteName);
        }

        if (!changed)
        {
            return existing!;
        }

        Attach(remotes, RemoteName, entry);
        Attach(config, "Remotes", remotes);
        return config.ToJsonString(Relaxed) + "\n";
    }

    private static JsonObject? Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return [];
        }

        try
        {
            return JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool Set<T>(JsonObject target, string member, T value)
        where T : notnull
    {
        if (target[member] is JsonValue there && there.TryGetValue<T>(out var before) && before.Equals(value))
        {
            return false;
        }

        target[member] = JsonValue.Create(value);
        return true;
    }

    private static void Attach(JsonObject parent, string member, JsonObject child)
    {
        if (!ReferenceEquals(parent[member], child))
        {
            parent[member] = child;
        }
    }

    private static Refusal NotAConfig() => new(
        RefusalCode.Invalid, "it is not the config file of the command line (a JSON object whose Remotes is an object)");
}
