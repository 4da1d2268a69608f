using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Dotmesh.Rpc.Docker;

/// <summary>What an engine sends: every member may be missing.</summary>
internal sealed record PluginRequest(string? Name, string? ID, Dictionary<string, string>? Opts);

internal sealed record ActivateReply(ImmutableArray<string> Implements);

internal sealed record CapabilitiesReply(PluginCapabilities Capabilities);

internal sealed record PluginCapabilities(string Scope);

/// <summary>An empty error is none.</summary>
internal sealed record ErrorReply(string Err);

internal sealed record MountReply(string Mountpoint, string Err);

internal sealed record PluginVolume(string Name, string Mountpoint, Dictionary<string, string>? Status);

internal sealed record GetReply(PluginVolume Volume, string Err);

internal sealed record ListReply(IReadOnlyList<PluginVolume> Volumes, string Err);

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(PluginRequest))]
[JsonSerializable(typeof(ActivateReply))]
[JsonSerializable(typeof(CapabilitiesReply))]
[JsonSerializable(typeof(ErrorReply))]
[JsonSerializable(typeof(MountReply))]
[JsonSerializable(typeof(GetReply))]
[JsonSerializable(typeof(ListReply))]
internal sealed partial class PluginJson : JsonSerializerContext;
