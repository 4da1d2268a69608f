using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Dotmesh.Actors;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Rpc.Nodes;

/// <summary>What nodes ask each other, as JSON.</summary>
internal sealed record FilesystemsWire(ImmutableArray<string> Filesystems);

internal sealed record PrefixWire(string Prefix);

internal sealed record CommitWire(string Id, ulong Guid, DateTimeOffset CreatedAt, ImmutableArray<KeyValuePair<string, string>> Metadata)
{
    public static CommitWire From(StoredCommit commit) => new(commit.Id.Value, commit.Guid, commit.CreatedAt, [.. commit.Metadata]);

    public StoredCommit Read() => new(new CommitId(Id), Guid, CreatedAt, new CommitMetadata(Metadata));
}

internal sealed record ReportWire(string Id, string State, string Status, int Commits, string? Newest, long Size, long Dirty)
{
    public static ReportWire From(FilesystemReport report) => new(
        report.Id.Value, report.View.State, report.View.Status, report.CommitCount, report.Newest?.Value, report.SizeBytes,
        report.DirtyBytes);

    public FilesystemReport Read() => new(
        new FilesystemId(Id), new ServerView(State, Status), Commits, Newest is null ? null : new CommitId(Newest), Size, Dirty);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FilesystemsWire))]
[JsonSerializable(typeof(PrefixWire))]
[JsonSerializable(typeof(ImmutableArray<CommitWire>))]
[JsonSerializable(typeof(ImmutableArray<ReportWire>))]
[JsonSerializable(typeof(ImmutableSortedDictionary<string, string>))]
internal sealed partial class NodeJson : JsonSerializerContext;
