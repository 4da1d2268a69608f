using System.Text.Json;
using System.Text.Json.Serialization;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Actors.Serialization;

/// <summary>
/// Source-generated JSON of everything that crosses a node's border or is stored. Readers are tolerant: unknown members
/// are skipped, missing ones take their defaults.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(FilesystemIdJson), typeof(CommitIdJson), typeof(StorageNodeIdJson), typeof(CommitMetadataJson)])]
[JsonSerializable(typeof(EnvelopeWire))]
[JsonSerializable(typeof(DotProtocol.Create))]
[JsonSerializable(typeof(DotProtocol.Delete))]
[JsonSerializable(typeof(DotProtocol.Commit))]
[JsonSerializable(typeof(DotProtocol.Rollback))]
[JsonSerializable(typeof(DotProtocol.Branch))]
[JsonSerializable(typeof(DotProtocol.Stash))]
[JsonSerializable(typeof(DotProtocol.AddCollaborator))]
[JsonSerializable(typeof(DotProtocol.RemoveCollaborator))]
[JsonSerializable(typeof(DotProtocol.Rename))]
[JsonSerializable(typeof(DotProtocol.Mount))]
[JsonSerializable(typeof(DotProtocol.MountCommit))]
[JsonSerializable(typeof(DotProtocol.Switch))]
[JsonSerializable(typeof(HeldMount[]))]
[JsonSerializable(typeof(Interruption[]))]
[JsonSerializable(typeof(DotProtocol.PredictSize))]
[JsonSerializable(typeof(DotProtocol.Rediscover))]
[JsonSerializable(typeof(DotProtocol.Wake))]
[JsonSerializable(typeof(DotProtocol.TakeIn))]
[JsonSerializable(typeof(DotProtocol.SetReplication))]
[JsonSerializable(typeof(DotProtocol.HandOver))]
[JsonSerializable(typeof(DotProtocol.GiveBack))]
[JsonSerializable(typeof(DotProtocol.Receive))]
[JsonSerializable(typeof(DotProtocol.Finished))]
[JsonSerializable(typeof(DotProtocol.Committed), TypeInfoPropertyName = "ReplyCommitted")]
[JsonSerializable(typeof(DotProtocol.Stashed), TypeInfoPropertyName = "ReplyStashed")]
[JsonSerializable(typeof(DotProtocol.Mounted))]
[JsonSerializable(typeof(DotProtocol.Predicted))]
[JsonSerializable(typeof(DotProtocol.Found))]
[JsonSerializable(typeof(DotProtocol.Refused))]
[JsonSerializable(typeof(DotProtocol.Moved))]
[JsonSerializable(typeof(DotProtocol.NotDelivered))]
[JsonSerializable(typeof(PrimeShard))]
[JsonSerializable(typeof(ShardPrimed))]
[JsonSerializable(typeof(StopDot))]
[JsonSerializable(typeof(PeerProtocol.RowsChanged))]
[JsonSerializable(typeof(PeerProtocol.RowsRead))]
[JsonSerializable(typeof(PeerProtocol.DotChanged))]
[JsonSerializable(typeof(DotEvents.Created))]
[JsonSerializable(typeof(DotEvents.Adopted))]
[JsonSerializable(typeof(DotEvents.Committed))]
[JsonSerializable(typeof(DotEvents.Branched))]
[JsonSerializable(typeof(DotEvents.RollbackBegun))]
[JsonSerializable(typeof(DotEvents.RolledBack))]
[JsonSerializable(typeof(DotEvents.StashBegun))]
[JsonSerializable(typeof(DotEvents.Stashed))]
[JsonSerializable(typeof(DotEvents.ChangeAbandoned))]
[JsonSerializable(typeof(DotEvents.DeletionBegun))]
[JsonSerializable(typeof(DotEvents.Deleted))]
[JsonSerializable(typeof(DotEvents.CollaboratorAdded))]
[JsonSerializable(typeof(DotEvents.CollaboratorRemoved))]
[JsonSerializable(typeof(DotEvents.BranchAdopted))]
[JsonSerializable(typeof(DotEvents.CommitsAdopted))]
[JsonSerializable(typeof(DotEvents.CommitsLost))]
[JsonSerializable(typeof(DotEvents.ControlTaken))]
[JsonSerializable(typeof(DotEvents.Renamed))]
[JsonSerializable(typeof(DotEvents.ReplicationSet))]
[JsonSerializable(typeof(TransferEvents.Asked))]
[JsonSerializable(typeof(TransferEvents.Begun))]
[JsonSerializable(typeof(TransferEvents.SegmentEntered))]
[JsonSerializable(typeof(TransferEvents.RangeChosen))]
[JsonSerializable(typeof(TransferEvents.StreamBegun))]
[JsonSerializable(typeof(TransferEvents.TryFailed))]
[JsonSerializable(typeof(TransferEvents.Compared))]
[JsonSerializable(typeof(TransferEvents.SegmentFinished))]
[JsonSerializable(typeof(TransferEvents.Failed), TypeInfoPropertyName = "TransferFailed")]
[JsonSerializable(typeof(StoredRecord))]
[JsonSerializable(typeof(StoredRequest))]
internal sealed partial class Wire : JsonSerializerContext;

/// <summary>The envelope as it travels: the payload under its own manifest.</summary>
internal sealed record EnvelopeWire(
    FilesystemId Dot,
    StorageNodeId Node,
    long Epoch,
    DateTimeOffset Deadline,
    string Trace,
    string Manifest,
    JsonElement Payload);

/// <summary>As its text.</summary>
public sealed class FilesystemIdJson : JsonConverter<FilesystemId>
{
    public override FilesystemId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(reader.GetString() ?? "");

    public override void Write(Utf8JsonWriter writer, FilesystemId value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Value);
}

/// <summary>As its text.</summary>
public sealed class CommitIdJson : JsonConverter<CommitId>
{
    public override CommitId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(reader.GetString() ?? "");

    public override void Write(Utf8JsonWriter writer, CommitId value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Value);
}

/// <summary>As its text.</summary>
public sealed class StorageNodeIdJson : JsonConverter<StorageNodeId>
{
    public override StorageNodeId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(reader.GetString() ?? "");

    public override void Write(Utf8JsonWriter writer, StorageNodeId value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Value);
}

/// <summary>As an object of texts.</summary>
public sealed class CommitMetadataJson : JsonConverter<CommitMetadata>
{
    public override CommitMetadata Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("metadata is an object of texts");
        }

        var values = new List<KeyValuePair<string, string>>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            values.Add(KeyValuePair.Create(key, reader.GetString() ?? ""));
        }

        return new CommitMetadata(values);
    }

    public override void Write(Utf8JsonWriter writer, CommitMetadata value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (key, text) in value)
        {
            writer.WriteString(key, text);
        }

        writer.WriteEndObject();
    }
}
