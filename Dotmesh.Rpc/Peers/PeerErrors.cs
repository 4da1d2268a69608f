using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Rpc.JsonRpc;

namespace Dotmesh.Rpc.Peers;

/// <summary>
/// Makes refusals of a peer's JSON-RPC errors, in its own words. Our servers say in the error's data what kind it is; what an original says
/// comes from the state of its dots, unless its code says that the request was wrong. Pure.
/// </summary>
internal static class PeerErrors
{
    private const string UnknownMethod = "rpc: can't find method";

    public static Refusal Read(JsonElement error)
    {
        if (error.ValueKind != JsonValueKind.Object)
        {
            return new Refusal(RefusalCode.Conflict, PeerBody.Cut(error.ValueKind == JsonValueKind.String ? error.GetString()! : error.GetRawText()));
        }

        var message = Text(error, "message");
        return new Refusal(Code(error, message), PeerBody.Cut(message.Length > 0 ? message : "an error without a message"));
    }

    public static bool IsUnknownMethod(Refusal refusal) => refusal.Message.StartsWith(UnknownMethod, StringComparison.Ordinal);

    private static RefusalCode Code(JsonElement error, string message)
    {
        var reason = error.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Object ? Text(data, "code") : "";
        foreach (var code in Enum.GetValues<RefusalCode>())
        {
            if (string.Equals($"{code}", reason, StringComparison.OrdinalIgnoreCase))
            {
                return code;
            }
        }

        var number = error.TryGetProperty("code", out var told) && told.ValueKind == JsonValueKind.Number && told.TryGetInt32(out var small)
            ? small
            : RpcCodes.Application;
        return number switch
        {
            RpcCodes.Application when !message.StartsWith(UnknownMethod, StringComparison.Ordinal) => RefusalCode.Conflict,
            RpcCodes.InternalError => RefusalCode.Unavailable,
            _ => RefusalCode.Invalid,
        };
    }

    private static string Text(JsonElement of, string member) =>
        of.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
