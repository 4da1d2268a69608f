using System.Runtime.Serialization;
using System.Text.Json;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;
using Dotmesh.Actors.Dots;

namespace Dotmesh.Actors.Serialization;

/// <summary>The one serializer of messages, replies and events (design D13).</summary>
public sealed class DotmeshSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    public const int Id = 1001;

    public override int Identifier => Id;

    public override string Manifest(object o) => o is DotEnvelope ? Manifests.Envelope : Manifests.Of(o).Manifest;

    public override byte[] ToBinary(object obj)
    {
        if (obj is not DotEnvelope envelope)
        {
            return JsonSerializer.SerializeToUtf8Bytes(obj, Manifests.Of(obj).Type);
        }

        var (manifest, type) = Manifests.Of(envelope.Payload);
        return JsonSerializer.SerializeToUtf8Bytes(
            new EnvelopeWire(
                envelope.DotId, envelope.StorageNodeId, envelope.Epoch, envelope.Deadline, envelope.TraceParent,
                manifest, JsonSerializer.SerializeToElement(envelope.Payload, type)),
            Wire.Default.EnvelopeWire);
    }

    public override object FromBinary(byte[] bytes, string manifest)
    {
        try
        {
            return manifest == Manifests.Envelope
                ? Envelope(JsonSerializer.Deserialize(bytes, Wire.Default.EnvelopeWire))
                : JsonSerializer.Deserialize(bytes, Manifests.TypeOf(manifest)) ?? throw Empty(manifest);
        }
        catch (JsonException unreadable)
        {
            throw new SerializationException($"{manifest}: {unreadable.Message}", unreadable);
        }
    }

    private static DotEnvelope Envelope(EnvelopeWire? wire) => wire is null
        ? throw Empty(Manifests.Envelope)
        : new DotEnvelope(
            wire.Dot, wire.Node, wire.Epoch, wire.Deadline, wire.Trace,
            JsonSerializer.Deserialize(wire.Payload, Manifests.TypeOf(wire.Manifest)) as DotProtocol.Command
                ?? throw new SerializationException($"{wire.Manifest} is not a command"));

    private static SerializationException Empty(string manifest) => new($"{manifest}: null");
}

/// <summary>
/// In the place of the default serializer (id 1), which builds whatever type a payload names: refuses to write and to read.
/// </summary>
public sealed class DenyAllSerializer : Serializer
{
    // the default serializer has settings, so Akka asks for this constructor
    public DenyAllSerializer(ExtendedActorSystem system, Config config)
        : base(system) => _ = config;

    public override int Identifier => 1;

    public override bool IncludeManifest => true;

    public override byte[] ToBinary(object obj) =>
        throw new SerializationException($"{obj.GetType()} has no serializer. Messages implement {nameof(IDotmeshMessage)}.");

    public override object FromBinary(byte[] bytes, Type type) =>
        throw new SerializationException($"a payload of serializer 1 ({type}) was refused: it could name any type");
}
