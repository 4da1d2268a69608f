using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Rpc.Wire;

/// <summary>
/// Contract 3.4, as clusters tell each other of a transfer. The peer's secret is never in it (design D16): the member is there for those who read it.
/// </summary>
public record TransferPoll
{
    private const int NanosecondsInTick = 100;

    public required string TransferRequestId { get; init; }

    public required string Peer { get; init; }

    public required string User { get; init; }

    public string ApiKey => "";

    public required string Direction { get; init; }

    public required string LocalNamespace { get; init; }

    public required string LocalName { get; init; }

    public required string LocalBranchName { get; init; }

    public required string RemoteNamespace { get; init; }

    public required string RemoteName { get; init; }

    public required string RemoteBranchName { get; init; }

    public required string FilesystemId { get; init; }

    public required string InitiatorNodeId { get; init; }

    public string PeerNodeId => "";

    public required string StartingCommit { get; init; }

    public required string TargetCommit { get; init; }

    public required int Index { get; init; }

    public required int Total { get; init; }

    public required string Status { get; init; }

    public required long NanosecondsElapsed { get; init; }

    public required long Size { get; init; }

    public required long Sent { get; init; }

    public required string Message { get; init; }

    public static TransferPoll From(TransferRecord record) => new()
    {
        TransferRequestId = record.Id,
        Peer = record.Peer,
        User = record.User,
        Direction = record.Direction.Text(),
        LocalNamespace = record.Local.Namespace,
        LocalName = record.Local.Name,
        LocalBranchName = record.LocalBranch,
        RemoteNamespace = record.RemoteNamespace,
        RemoteName = record.RemoteName,
        RemoteBranchName = record.RemoteBranch,
        FilesystemId = record.Filesystem?.Value ?? "",
        InitiatorNodeId = record.Initiator.Value,
        StartingCommit = record.StartingCommit?.ToString() ?? "",
        TargetCommit = record.TargetCommit?.Value ?? "",
        Index = record.Index,
        Total = record.Total,
        Status = record.Status,
        NanosecondsElapsed = record.Elapsed.Ticks * NanosecondsInTick,
        Size = record.SizeBytes,
        Sent = record.SentBytes,
        Message = record.Message,
    };
}

/// <summary>The same with the members of both eras, as clients are told.</summary>
public sealed record TransferPollResult : TransferPoll
{
    [SetsRequiredMembers]
    private TransferPollResult(TransferPoll told)
        : base(told)
    {
    }

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

    public static new TransferPollResult From(TransferRecord record) => new(TransferPoll.From(record));
}

/// <summary>A transfer in the list of all.</summary>
/// <param name="AskedBy">User name.</param>
/// <param name="Node">Who runs it; empty for a push that another cluster announced here.</param>
public sealed record TransferEntry(TransferPollResult Transfer, string AskedBy, DateTimeOffset AskedAt, string Node)
{
    public static TransferEntry From(TransferView view) =>
        new(TransferPollResult.From(view.Record), view.AskedBy, view.AskedAt, view.Node?.Value ?? "");
}
