using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Dotmesh.Actors;
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
    public static RegisterFilesystemWire Of(TransferPath path) => new(
        path.Dot.Namespace,
        path.Dot.Name,
        path.Branches.IsEmpty ? "" : path.Branches[^1].Name,
        path.Tip.Value,
        PathToTopLevelFilesystem.From(path.Master, path.Dot, path.Branches),
        BecomeMasterIfNotExists: true);
}

/// <summary>Replies: any member may be missing, and nothing is checked yet.</summary>
internal sealed record CommitReply(string? Id, ImmutableSortedDictionary<string, string?>? Metadata);

internal sealed record VolumeReply(long? DirtyBytes);

internal sealed record ContainerReply(string? Name);

internal sealed record PathNameReply(string? Namespace, string? Name);

internal sealed record PathReply(string? TopLevelFilesystemId, PathNameReply? TopLevelFilesystemName, ImmutableArray<StepReply?>? Clones)
{
    /// <summary>Under a name of the reader's choice; refused (<see cref="RefusalCode.Invalid"/>) when a step has not all of its parts.</summary>
    public Outcome<UncheckedPath> Unchecked(string @namespace, string name)
    {
        var steps = ImmutableArray.CreateBuilder<UncheckedStep>();
        foreach (var step in Clones ?? [])
        {
            if (step?.Branch is not { Origin: { } origin } clone)
            {
                return new Refusal(RefusalCode.Invalid, $"step {steps.Count + 1} of the path has no origin");
            }

            steps.Add(new UncheckedStep(
                step.Name ?? "", clone.TopLevelFilesystemId ?? "", clone.FilesystemId ?? "", clone.Name ?? "", origin.FilesystemId ?? "",
                origin.SnapshotId ?? ""));
        }

        return new UncheckedPath(TopLevelFilesystemId ?? "", @namespace, name, steps.ToImmutable());
    }
}

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
[JsonSerializable(typeof(TransferPoll))]
[JsonSerializable(typeof(ImmutableArray<CommitReply?>), TypeInfoPropertyName = "CommitReplies")]
[JsonSerializable(typeof(ImmutableArray<ContainerReply?>), TypeInfoPropertyName = "ContainerReplies")]
[JsonSerializable(typeof(ImmutableArray<string?>), TypeInfoPropertyName = "TextReplies")]
[JsonSerializable(typeof(VolumeReply))]
[JsonSerializable(typeof(PathReply))]
internal sealed partial class PeerJson : JsonSerializerContext;
