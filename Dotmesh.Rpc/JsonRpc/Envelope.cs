namespace Dotmesh.Rpc.JsonRpc;

/// <summary>One request object, its parts still raw.</summary>
/// <param name="Id">The id's bytes as they came; empty when there is none or it is null: a notification.</param>
/// <param name="Method">Null only with an error.</param>
/// <param name="Params">Raw; empty when missing.</param>
/// <param name="Error">Why it cannot be run.</param>
public readonly record struct Envelope(
    ReadOnlyMemory<byte> Id, string? Method, ReadOnlyMemory<byte> Params, RpcError? Error)
{
    /// <summary>Executed, never answered. A request that cannot be understood is answered in any case (JSON-RPC 2.0, 5).</summary>
    public bool IsNotification => Id.IsEmpty && Error is null;
}

/// <summary>A body: one request, a batch, or an error that concerns it as a whole.</summary>
public readonly record struct RequestBody(Envelope Single, Envelope[]? Batch, RpcError? Error);
