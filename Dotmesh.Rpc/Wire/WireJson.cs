using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Dotmesh.Rpc.Wire;

/// <summary>Every type that goes over the wire, serialized by generated code: no reflection.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.Strict, MaxDepth = 64)]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(Pong))]
[JsonSerializable(typeof(SafeUser))]
[JsonSerializable(typeof(ApiKeyReply))]
[JsonSerializable(typeof(ConfigReply))]
[JsonSerializable(typeof(VersionReply))]
[JsonSerializable(typeof(DotmeshVolume))]
[JsonSerializable(typeof(ImmutableArray<Commit>))]
[JsonSerializable(typeof(ImmutableArray<CommitSize>))]
[JsonSerializable(typeof(ImmutableArray<Container>))]
[JsonSerializable(typeof(ImmutableArray<string>))]
[JsonSerializable(typeof(DotsAndBranches))]
[JsonSerializable(typeof(VolumesAndClones))]
[JsonSerializable(typeof(PathToTopLevelFilesystem))]
[JsonSerializable(typeof(SortedDictionary<string, SortedDictionary<string, DotmeshVolume>>), TypeInfoPropertyName = "VolumesByName")]
[JsonSerializable(
    typeof(SortedDictionary<string, SortedDictionary<string, VolumeWithContainers>>),
    TypeInfoPropertyName = "VolumesWithContainersByName")]
[JsonSerializable(typeof(ImmutableSortedDictionary<string, string>), TypeInfoPropertyName = "TextByName")]
[JsonSerializable(typeof(ImmutableSortedDictionary<string, ImmutableArray<string>>), TypeInfoPropertyName = "TextsByName")]
[JsonSerializable(typeof(BackupV1))]
[JsonSerializable(typeof(DrainReply))]
[JsonSerializable(typeof(ImmutableArray<WireNode>))]
[JsonSerializable(typeof(ImmutableArray<SafeUser>))]
[JsonSerializable(typeof(TransferPollResult))]
[JsonSerializable(typeof(ImmutableArray<TransferEntry>))]
[JsonSerializable(typeof(ImmutableArray<LogEntry>))]
[JsonSerializable(typeof(ImmutableArray<WireSetting>))]
[JsonSerializable(typeof(PaymentRequest))]
[JsonSerializable(typeof(PaymentReply))]
public sealed partial class WireJson : JsonSerializerContext;

/// <summary>What is posted to the billing endpoint.</summary>
public sealed record PaymentRequest(string Token, string PlanId, SafeUser User)
{
    public override string ToString() => $"payment of {User.Name}";
}

/// <summary>What the billing endpoint answers.</summary>
public sealed record PaymentReply(string? CustomerId, string? CurrentPlan);
