using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Peers;

/// <summary>Parameters as original servers of the last era name them (contract 2).</summary>
internal sealed record NameTriple(string Namespace, string Name, string Branch);

internal sealed record DeducePathWire(string RemoteNamespace, string RemoteFilesystemName, string RemoteCloneName);

internal sealed record CommitRequestWire(string Namespace, string Name, string Branch, string Message);

internal sealed record StashWire(string FilesystemId, string SnapshotId);

internal sealed record PredictSizeWire(string FromFilesystemId, string FromSnapshotId, string ToFilesystemId, string ToSnapshotId);

internal sealed record RegisterFilesystemWire(
    string Namespace,
    string TopLevelFilesystemName,
    string CloneName,
    string FilesystemId,
    PathToTopLevelFilesystem PathToTopLevelFilesystem,
    bool BecomeMasterIfNotExists)
{
    public static RegisterFilesystemWire Of(TransferPath path)
    {
        var steps = path.Branches.Select(branch => new PathStep(
            branch.Name,
            new PathClone(
                path.Master.Value, branch.Id.Value, branch.Name, new PathOrigin(branch.Origin.Filesystem.Value, branch.Origin.Commit.Value))));
        return new RegisterFilesystemWire(
            path.Dot.Namespace,
            path.Dot.Name,
            path.Branches.IsEmpty ? "" : path.Branches[^1].Name,
            path.Tip.Value,
            new PathToTopLevelFilesystem(path.Master.Value, WireName.From(path.Dot), [.. steps]),
            BecomeMasterIfNotExists: true);
    }
}

/// <summary>Contract 3.4, as it is told to the other cluster: without the key, which it has.</summary>
internal sealed record TransferPollWire(
    string TransferRequestId,
    string Peer,
    string User,
    string ApiKey,
    string Direction,
    string LocalNamespace,
    string LocalName,
    string LocalBranchName,
    string RemoteNamespace,
    string RemoteName,
    string RemoteBranchName,
    string FilesystemId,
    string InitiatorNodeId,
    string PeerNodeId,
    string StartingCommit,
    string TargetCommit,
    int Index,
    int Total,
    string Status,
    long NanosecondsElapsed,
    long Size,
    long Sent,
    string Message)
{
    private const int NanosecondsInTick = 100;

    public static TransferPollWire Of(TransferRecord record) => new(
        record.Id,
        record.Peer,
        record.User,
        "",
        record.Direction.Text(),
        record.Local.Namespace,
        record.Local.Name,
        record.LocalBranch,
        record.RemoteNamespace,
        record.RemoteName,
        record.RemoteBranch,
        record.Filesystem?.Value ?? "",
        record.Initiator.Value,
        "",
        record.StartingCommit?.ToString() ?? "",
        record.TargetCommit?.Value ?? "",
        record.Index,
        record.Total,
        record.Status,
        record.Elapsed.Ticks * NanosecondsInTick,
        record.SizeBytes,
        record.SentBytes,
        record.Message);
}

/// <summary>Replies: any member may be missing, and nothing is checked yet.</summary>
internal sealed record CommitReply(string? Id, ImmutableSortedDictionary<string, string?>? Metadata);

internal sealed record VolumeReply(long? DirtyBytes);

internal sealed record ContainerReply(string? Name);

internal sealed record PathNameReply(string? Namespace, string? Name);

internal sealed record PathReply(string? TopLevelFilesystemId, PathNameReply? TopLevelFilesystemName, ImmutableArray<StepReply?>? Clones);

internal sealed record StepReply(string? Name, [property: JsonPropertyName("Clone")] CloneReply? Branch);

internal sealed record CloneReply(string? TopLevelFilesystemId, string? FilesystemId, string? Name, OriginReply? Origin);

internal sealed record OriginReply(string? FilesystemId, string? SnapshotId);

[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.Strict, PropertyNameCaseInsensitive = true, MaxDepth = 32)]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(NameTriple))]
[JsonSerializable(typeof(DeducePathWire))]
[JsonSerializable(typeof(CommitRequestWire))]
[JsonSerializable(typeof(StashWire))]
[JsonSerializable(typeof(PredictSizeWire))]
[JsonSerializable(typeof(RegisterFilesystemWire))]
[JsonSerializable(typeof(TransferPollWire))]
[JsonSerializable(typeof(ImmutableArray<CommitReply?>), TypeInfoPropertyName = "CommitReplies")]
[JsonSerializable(typeof(ImmutableArray<ContainerReply?>), TypeInfoPropertyName = "ContainerReplies")]
[JsonSerializable(typeof(ImmutableArray<string?>), TypeInfoPropertyName = "TextReplies")]
[JsonSerializable(typeof(VolumeReply))]
[JsonSerializable(typeof(PathReply))]
internal sealed partial class PeerJson : JsonSerializerContext;
