using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dotmesh.WebConsole.Models;

/// <summary>A method of the API as it describes itself (<c>rpc.discover</c>), and how it is called from a terminal.</summary>
/// <param name="Template">Parameters to fill in, as JSON.</param>
public sealed record ApiMethod(string Name, string Summary, string Description, string Template)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public string DmCommand(JsonNode? parameters) => parameters is null or JsonObject { Count: 0 }
        ? $"dm debug {Name}"
        : $"dm debug --parse-json {Name} {Quoted(parameters.ToJsonString())}";

    /// <summary>The key is not written out: it is read from where <c>dm</c> keeps it.</summary>
    /// <param name="address">Of the API, without its path.</param>
    public string CurlCommand(JsonNode? parameters, string user, string address)
    {
        var body = new JsonObject { ["jsonrpc"] = "2.0", ["method"] = Name, ["params"] = parameters?.DeepClone() ?? new JsonObject(), ["id"] = 1 };
        var key = "$(jq -r .Remotes.local.ApiKey ~/.dotmesh/config)";
        return $"curl -s -u \"{user}:{key}\" -H 'Content-Type: application/json' -d {Quoted(body.ToJsonString())} {address}/rpc";
    }

    /// <param name="description">What <c>rpc.discover</c> answers.</param>
    public static IReadOnlyList<ApiMethod> Read(JsonElement description) =>
    [
        .. description.GetProperty("methods"u8).EnumerateArray().Select(ReadOne).OrderBy(method => method.Name, StringComparer.Ordinal),
    ];

    private static ApiMethod ReadOne(JsonElement method)
    {
        var parameters = method.GetProperty("params"u8).EnumerateArray().ToList();
        var isOneText = method.GetProperty("paramStructure"u8).GetString() == "by-position";
        var filled = new JsonObject();
        foreach (var parameter in parameters)
        {
            filled[parameter.GetProperty("name"u8).GetString()!] = Empty(parameter.GetProperty("schema"u8));
        }

        return new ApiMethod(
            method.GetProperty("name"u8).GetString()!, method.GetProperty("summary"u8).GetString() ?? "",
            method.GetProperty("description"u8).GetString() ?? "", isOneText ? "\"\"" : filled.ToJsonString(Indented));
    }

    private static JsonNode Empty(JsonElement schema)
    {
        var type = schema.TryGetProperty("type"u8, out var types) ? types.ValueKind == JsonValueKind.Array ? types[0].GetString() : types.GetString() : "object";
        return type switch
        {
            "string" => "",
            "integer" => 0,
            "boolean" => false,
            _ => new JsonObject(),
        };
    }

    // for a POSIX shell
    /// <summary>As one word of a shell.</summary>
    public static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
