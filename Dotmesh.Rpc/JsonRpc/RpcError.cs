using Dotmesh.Actors;

namespace Dotmesh.Rpc.JsonRpc;

/// <summary>Codes of JSON-RPC 2.0, and the one of application errors (design D12).</summary>
public static class RpcCodes
{
    public const int ParseError = -32700;
    public const int InvalidRequest = -32600;
    public const int MethodNotFound = -32601;
    public const int InvalidParams = -32602;
    public const int InternalError = -32603;
    public const int Application = -32000;
}

/// <summary>A JSON-RPC error before it is written.</summary>
/// <param name="Code">One of <see cref="RpcCodes"/>.</param>
/// <param name="Message">The contract's text where it has one.</param>
/// <param name="Reason">Member <c>code</c> of error data, for programs: <c>notFound</c>, <c>overloaded</c> ...</param>
public sealed record RpcError(int Code, string Message, string Reason)
{
    /// <summary>Not the caller's doing: whoever runs the node wants to find it in the log under its request id.</summary>
    public bool IsOurs => Reason is "unavailable" or "expired" or "storage" or "injected" or "internal";

    public static RpcError Parse(string message) => new(RpcCodes.ParseError, message, "parseError");

    public static RpcError Request(string message) => new(RpcCodes.InvalidRequest, message, "invalidRequest");

    public static RpcError Params(string message) => new(RpcCodes.InvalidParams, message, "invalidParams");

    public static RpcError Internal(string requestId) => new(
        RpcCodes.InternalError,
        $"Internal error. The log of this node has its cause under request id {requestId}.",
        "internal");

    /// <summary>The one place where a refusal becomes a JSON-RPC error.</summary>
    public static RpcError From(Refusal refusal) => new(RpcCodes.Application, refusal.Message, ReasonOf(refusal.Code));

    private static string ReasonOf(RefusalCode code) => code switch
    {
        RefusalCode.Invalid => "invalid",
        RefusalCode.NotFound => "notFound",
        RefusalCode.AlreadyExists => "alreadyExists",
        RefusalCode.Denied => "denied",
        RefusalCode.Conflict => "conflict",
        RefusalCode.Unavailable => "unavailable",
        RefusalCode.Overloaded => "overloaded",
        RefusalCode.Expired => "expired",
        RefusalCode.Storage => "storage",
        RefusalCode.Injected => "injected",
        _ => "other",
    };
}
