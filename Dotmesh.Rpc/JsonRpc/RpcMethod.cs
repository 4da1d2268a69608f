using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors;
using Dotmesh.Actors.Gateway;

namespace Dotmesh.Rpc.JsonRpc;

/// <summary>Who may call a method at all; rights on a dot come on top (<see cref="RpcMethod.Right"/>).</summary>
public enum Access
{
    /// <summary>Any authenticated user.</summary>
    Any,

    /// <summary>Any user who authenticated with the password.</summary>
    Password,

    /// <summary>The admin.</summary>
    Admin,
}

/// <summary>Which node answers.</summary>
public enum Answered
{
    /// <summary>The node that got the request.</summary>
    Here,

    /// <summary>The controlling node of the dot; the request is routed there.</summary>
    Owner,
}

/// <summary>A row of the method table.</summary>
public abstract class RpcMethod
{
    private protected RpcMethod(string name, string summary)
    {
        Name = name;
        Summary = summary;
    }

    /// <summary>Full name, <c>DotmeshRPC.Commit</c>.</summary>
    public string Name { get; }

    public string Summary { get; }

    public ParamsStyle Style { get; init; }

    public IReadOnlyList<Argument> Arguments { get; init; } = [];

    public Access Access { get; init; }

    /// <summary>The right on the dot that the handler asks the gateway for; null when no dot is concerned.</summary>
    public Right? Right { get; init; }

    public Answered Answered { get; init; }

    /// <summary>The method that this one is the older name of.</summary>
    public string? OlderNameOf { get; init; }

    /// <summary>JSON schema of the result where the type does not tell it.</summary>
    public string? ResultSchema { get; init; }

    public abstract JsonTypeInfo ResultType { get; }

    /// <summary>Runs the handler, within the deadline, and then appends the reply unless it is silent.</summary>
    internal abstract ValueTask<Refusal?> Run(RpcCall call, ReplyBuffer reply, ReadOnlyMemory<byte> id, bool silent);
}

/// <summary>A method with its handler and the source-generated type of its result.</summary>
public sealed class RpcMethod<T>(
    string name, string summary, JsonTypeInfo<T> type, Func<RpcCall, ValueTask<Outcome<T>>> handler)
    : RpcMethod(name, summary)
{
    public override JsonTypeInfo ResultType => type;

    internal override async ValueTask<Refusal?> Run(RpcCall call, ReplyBuffer reply, ReadOnlyMemory<byte> id, bool silent)
    {
        var running = handler(call);
        var outcome = running.IsCompleted ? await running : await call.Limit.Bounded(running.AsTask());
        if (outcome.Refused(out var refusal))
        {
            return refusal;
        }

        if (!silent)
        {
            JsonSerializer.Serialize(reply.BeginResult(), outcome.Value, type);
            reply.End(id.Span);
        }

        return null;
    }
}
