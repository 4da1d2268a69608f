using System.Text.Json.Nodes;

namespace Dotmesh.Client;

/// <summary>Transfers between clusters (contract 2.6).</summary>
public sealed partial class DotmeshClient
{
    /// <summary>Begins one; answers its id. It runs on the cluster, whatever becomes of this client.</summary>
    public Task<string> Begin(TransferRequest request, CancellationToken ct) => Rpc(
        "Transfer",
        new JsonObject
        {
            ["Peer"] = request.Peer.Hostname,
            ["User"] = request.Peer.User,
            ["Port"] = request.Peer.Port,
            ["ApiKey"] = request.Peer.Secret,
            ["Direction"] = request.Direction,
            ["LocalNamespace"] = request.Local.Namespace,
            ["LocalName"] = request.Local.Name,
            ["LocalBranchName"] = Wire(request.LocalBranch),
            ["RemoteNamespace"] = request.Remote.Namespace,
            ["RemoteName"] = request.Remote.Name,
            ["RemoteBranchName"] = Wire(request.RemoteBranch),
            ["TargetCommit"] = "",
            ["StashDivergence"] = request.StashOnDivergence,
            ["StopContainers"] = request.StopContainers,
            ["MaxBytesPerSecond"] = request.MaxBytesPerSecond,
        },
        ClientJson.Default.String,
        ct);

    public Task<Transfer> GetTransfer(string id, CancellationToken ct) => Rpc("GetTransfer", id, ClientJson.Default.Transfer, ct);

    /// <summary>Newest first.</summary>
    /// <param name="dot">Null: of every dot.</param>
    /// <param name="running">Only those that are not over.</param>
    public async Task<TransferEntry[]> Transfers(DotName? dot, bool running, int most, CancellationToken ct) =>
        await Rpc(
            "Transfers",
            new JsonObject { ["Namespace"] = dot?.Namespace ?? "", ["Name"] = dot?.Name ?? "", ["Running"] = running, ["Limit"] = most },
            ClientJson.Default.TransferEntryArray,
            ct) ?? [];

    /// <summary>What happened to a transfer, newest first.</summary>
    /// <param name="before">Only what has a smaller <see cref="LogEntry.Sequence"/>; 0: from the newest on.</param>
    public async Task<LogEntry[]> TransferLog(string id, long before, int most, CancellationToken ct) =>
        await Rpc(
            "TransferLog", new JsonObject { ["TransferId"] = id, ["Before"] = before, ["Limit"] = most }, ClientJson.Default.LogEntryArray, ct) ?? [];

    public Task CancelTransfer(string id, CancellationToken ct) => Rpc("CancelTransfer", new JsonObject { ["TransferId"] = id }, ct);

    public Task RetryTransfer(string id, CancellationToken ct) => Rpc("RetryTransfer", new JsonObject { ["TransferId"] = id }, ct);
}
