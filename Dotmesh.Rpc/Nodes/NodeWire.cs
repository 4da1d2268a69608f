using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Dotmesh.Actors;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Serialization;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Rpc.Nodes;

/// <summary>What nodes ask each other, as JSON.</summary>
internal sealed record FilesystemsWire(ImmutableArray<string> Filesystems);

internal sealed record PrefixWire(string Prefix);

internal sealed record CommitWire(string Id, ulong Guid, DateTimeOffset CreatedAt, ImmutableArray<KeyValuePair<string, string>> Metadata)
{
    public static CommitWire From(StoredCommit commit) => new(commit.Id.Value, commit.Guid, commit.CreatedAt, [.. commit.Metadata]);

    public StoredCommit Read() => new(new CommitId(Id), Guid, CreatedAt, new CommitMetadata(Metadata));
}

internal sealed record CommitSizeWire(string Id, long Size)
{
    public static CommitSizeWire From(MeasuredCommit commit) => new(commit.Id.Value, commit.SizeBytes);

    public MeasuredCommit Read() => new(new CommitId(Id), Size);
}

/// <param name="Containers">Null from an older node.</param>
internal sealed record ReportWire(
    string Id, string State, string Status, int Commits, string? Newest, long Size, long Dirty, ImmutableArray<ContainerUse>? Containers)
{
    public static ReportWire From(FilesystemReport report) => new(
        report.Id.Value, report.View.State, report.View.Status, report.CommitCount, report.Newest?.Value, report.SizeBytes,
        report.DirtyBytes, report.Containers.IsEmpty ? null : report.Containers);

    public FilesystemReport Read() => new(
        new FilesystemId(Id), new ServerView(State, Status), Commits, Newest is null ? null : new CommitId(Newest), Size, Dirty)
    {
        Containers = Containers ?? [],
    };
}

internal sealed record SyncWire(FilesystemId Dot, long Epoch);

/// <param name="Transfer">Id of a transfer, or of an offered stream.</param>
/// <param name="By">User id; empty where it does not matter.</param>
internal sealed record TransferWire(string Transfer, string By);

/// <param name="At">Null: at the beginning.</param>
internal sealed record ResumeWire(string? At);

internal sealed record OfferWire(
    string Ticket, StorageNodeId Node, FilesystemId Dot, StreamRange Range, string Branch, string Format,
    ImmutableArray<CommitPropertiesWire>? Commits, string By)
{
    public static OfferWire Of(OfferedStream offer) => new(
        offer.Ticket, offer.From, offer.Dot, offer.Range, offer.BranchName, offer.Format,
        offer.Commits is { } commits ? [.. commits.Select(commit => new CommitPropertiesWire(commit.Id, commit.Metadata))] : null, offer.By);

    public OfferedStream Read() => new(
        Ticket, Node, Dot, Range, Branch, Format,
        Commits is { } commits ? [.. commits.Select(commit => new CommitProperties(commit.Id, commit.Metadata))] : null, By);
}

internal sealed record CommitPropertiesWire(CommitId Id, CommitMetadata Metadata);

/// <summary>Why a question was not answered, with HTTP status 409.</summary>
internal sealed record RefusalWire(RefusalCode Code, string Message)
{
    public static RefusalWire From(Refusal refusal) => new(refusal.Code, refusal.Message);

    public Refusal Read() => new(Code, Message);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    Converters = [typeof(FilesystemIdJson), typeof(CommitIdJson), typeof(StorageNodeIdJson), typeof(CommitMetadataJson)])]
[JsonSerializable(typeof(SyncWire))]
[JsonSerializable(typeof(TransferWire))]
[JsonSerializable(typeof(OfferWire))]
[JsonSerializable(typeof(ResumeWire))]
[JsonSerializable(typeof(StreamRange))]
[JsonSerializable(typeof(RefusalWire))]
[JsonSerializable(typeof(HoldingsQuery))]
[JsonSerializable(typeof(DotHoldings))]
[JsonSerializable(typeof(FetchRequest))]
[JsonSerializable(typeof(HandInRequest))]
[JsonSerializable(typeof(ImmutableArray<DotVersion>))]
[JsonSerializable(typeof(ImmutableArray<HeldFilesystem>))]
[JsonSerializable(typeof(Done))]
[JsonSerializable(typeof(FilesystemsWire))]
[JsonSerializable(typeof(PrefixWire))]
[JsonSerializable(typeof(NodeDescription))]
[JsonSerializable(typeof(ImmutableArray<CommitWire>))]
[JsonSerializable(typeof(ImmutableArray<CommitSizeWire>))]
[JsonSerializable(typeof(ImmutableArray<ReportWire>))]
[JsonSerializable(typeof(ImmutableSortedDictionary<string, string>))]
internal sealed partial class NodeJson : JsonSerializerContext;
