using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary><c>rpc.discover</c>: an OpenRPC 1.3 document made from the method table.</summary>
internal static class DiscoverMethods
{
    public const string OpenRpcVersion = "1.3.2";

    public static RpcMethod For(IReadOnlyList<RpcMethod> methods)
    {
        var documented = new List<RpcMethod>(methods);

        // made once: a hundred schemas are too dear to be made for whoever asks, as often as he asks
        StrongBox<JsonElement>? made = null;
        var self = new RpcMethod<JsonElement>(
            "rpc.discover",
            "This document.",
            WireJson.Default.JsonElement,
            call =>
            {
                made ??= new(JsonSerializer.SerializeToElement(
                    Document(documented, call.Services.Settings.Version), WireJson.Default.JsonObject));
                return Params.Now<JsonElement>(made.Value);
            })
        {
            ResultSchema = """{"$ref":"https://raw.githubusercontent.com/open-rpc/meta-schema/master/schema.json"}""",
        };
        documented.Add(self);
        return self;
    }

    internal static JsonObject Document(IEnumerable<RpcMethod> methods, string version) => new()
    {
        ["openrpc"] = OpenRpcVersion,
        ["info"] = new JsonObject { ["title"] = "Dotmesh", ["version"] = version },
        ["methods"] = new JsonArray([.. methods.Select(Method)]),
    };

    private static JsonObject Method(RpcMethod method)
    {
        var document = new JsonObject
        {
            ["name"] = method.Name,
            ["summary"] = method.Summary,
            ["description"] = Describe(method),
            ["paramStructure"] = method.Style == ParamsStyle.Text ? "by-position" : "by-name",
            ["params"] = new JsonArray([.. method.Arguments.Select(Parameter)]),
            ["result"] = new JsonObject { ["name"] = "result", ["schema"] = ResultSchema(method) },
        };
        if (method.OlderNameOf is not null)
        {
            document["deprecated"] = true;
        }

        return document;
    }

    private static string Describe(RpcMethod method)
    {
        var access = method.Access switch
        {
            Access.Admin => "Admin only.",
            Access.Password => "Needs the password; an API key is refused.",
            _ => "Any user.",
        };
        var right = method.Right is { } needed ? $" Right on the dot: {needed}." : "";
        var where = method.Answered == Answered.Owner ? " Answered by the dot's controlling node." : " Answered here.";
        var older = method.OlderNameOf is null ? "" : $" Older name of {method.OlderNameOf}.";
        return access + right + where + older;
    }

    private static JsonObject Parameter(Argument argument)
    {
        var document = new JsonObject { ["name"] = argument.Name, ["required"] = false, ["schema"] = Schema(argument) };
        if (argument.OldName is not null)
        {
            document["description"] = $"Also accepted as {argument.OldName}.";
        }

        return document;
    }

    private static JsonObject Schema(Argument argument) => argument.Kind switch
    {
        ArgumentKind.Text => new JsonObject { ["type"] = new JsonArray("string", "null") },
        ArgumentKind.Number => new JsonObject { ["type"] = new JsonArray("integer", "null") },
        ArgumentKind.Boolean => new JsonObject { ["type"] = new JsonArray("boolean", "null") },
        ArgumentKind.Json => new JsonObject(),
        ArgumentKind.TextMap => new JsonObject
        {
            ["type"] = new JsonArray("object", "null"),
            ["additionalProperties"] = new JsonObject { ["type"] = new JsonArray("string", "null") },
        },
        _ => new JsonObject
        {
            ["type"] = new JsonArray("object", "null"),
            ["properties"] = new JsonObject(
                argument.Members.Select(member => KeyValuePair.Create(member.Name, (JsonNode?)Schema(member)))),
        },
    };

    private static JsonNode ResultSchema(RpcMethod method) => method.ResultSchema is { } text
        ? JsonNode.Parse(text)!
        : method.ResultType.GetJsonSchemaAsNode(new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true });
}
