using System.Text.Json.Serialization;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Rpc.Wire;

/// <summary>Contract 3.4, with the members of both eras. The peer's secret is never in it (design D16).</summary>
public record TransferPollResult(
    string TransferRequestId, string Peer, string User, string ApiKey, string Direction, string LocalNamespace, string LocalName,
    string LocalBranchName, string RemoteNamespace, string RemoteName, string RemoteBranchName, string FilesystemId, string InitiatorNodeId,
    string PeerNodeId, string StartingCommit, string TargetCommit, int Index, int Total, string Status, long NanosecondsElapsed, long Size,
    long Sent, string Message)
{
    [JsonPropertyName("LocalFilesystemName")]
    public string OlderLocalName => LocalName;

    [JsonPropertyName("LocalCloneName")]
    public string OlderLocalBranch => LocalBranchName;

    [JsonPropertyName("RemoteFilesystemName")]
    public string OlderRemoteName => RemoteName;

    [JsonPropertyName("RemoteCloneName")]
    public string OlderRemoteBranch => RemoteBranchName;

    [JsonPropertyName("StartingSnapshot")]
    public string OlderStart => StartingCommit;

    [JsonPropertyName("TargetSnapshot")]
    public string OlderTarget => TargetCommit;

    public static TransferPollResult From(TransferRecord record) => new(
        record.Id, record.Peer, record.User, "", record.Direction.Text(), record.Local.Namespace, record.Local.Name, record.LocalBranch,
        record.RemoteNamespace, record.RemoteName, record.RemoteBranch, record.Filesystem?.Value ?? "", record.Initiator.Value, "",
        record.StartingCommit?.ToString() ?? "", record.TargetCommit?.Value ?? "", record.Index, record.Total, record.Status,
        (long)record.Elapsed.TotalNanoseconds, record.SizeBytes, record.SentBytes, record.Message);
}

/// <summary>A transfer in the list of all.</summary>
/// <param name="AskedBy">User name.</param>
/// <param name="Node">Who runs it; empty for a push that another cluster announced here.</param>
public sealed record TransferEntry(TransferPollResult Transfer, string AskedBy, DateTimeOffset AskedAt, string Node)
{
    public static TransferEntry From(TransferView view) =>
        new(TransferPollResult.From(view.Record), view.AskedBy, view.AskedAt, view.Node?.Value ?? "");
}
