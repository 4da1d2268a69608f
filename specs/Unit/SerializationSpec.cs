using System.Collections.Immutable;
using System.Runtime.Serialization;
using System.Text;
using Akka.Actor;
using Akka.Configuration;
using Dotmesh.Actors;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Serialization;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>What is stored and sent: frozen samples, and refusal of everything else.</summary>
public sealed class SerializationSpec : IAsyncLifetime
{
    private static readonly DateTimeOffset At = new(2026, 11, 23, 21, 0, 0, TimeSpan.Zero);
    private static readonly FilesystemId Fs = new("f0000000-0000-4000-8000-000000000001");
    private static readonly FilesystemId Other = new("f0000000-0000-4000-8000-000000000002");
    private static readonly CommitId C1 = new("c1");
    private static readonly CommitOrigin Origin = new(Fs, C1);
    private static readonly ImmutableArray<FilesystemChange> Changes = [new(Other, Origin, [C1], [new CommitId("c2")])];

    private static readonly DotEvents.Event[] Events =
    [
        new DotEvents.Created(Fs, new DotName("alice", "data"), "u1", "alice", new StorageNodeId("abc"), 1, [C1], At, "u1"),
        new DotEvents.Adopted(
            Fs, new DotName("alice", "data"), "u1", "alice", new StorageNodeId("abc"), 2,
            ImmutableSortedDictionary<string, string>.Empty.Add("u2", "bob"), [C1], At, "system"),
        new DotEvents.Committed(Fs, C1, At, "u1"),
        new DotEvents.Branched("b1", Other, Origin, At, "u1"),
        new DotEvents.RollbackBegun(Fs, C1, At, "u1"),
        new DotEvents.RolledBack(Fs, C1, Changes, At, "u1"),
        new DotEvents.StashBegun(Fs, C1, "master-DIVERGED-x", Other, At, "u1"),
        new DotEvents.Stashed(Fs, C1, "master-DIVERGED-x", Other, [C1], Changes, At, "u1"),
        new DotEvents.ChangeAbandoned("busy", Changes, At, "u1"),
        new DotEvents.DeletionBegun(At, "u1"),
        new DotEvents.Deleted(At, "u1"),
        new DotEvents.CollaboratorAdded("u2", "bob", At, "u1"),
        new DotEvents.CollaboratorRemoved("u2", At, "u1"),
        new DotEvents.BranchAdopted("b1", Other, Origin, [C1], At, "system"),
        new DotEvents.CommitsAdopted(Fs, [C1], At, "system"),
        new DotEvents.CommitsLost(Fs, [C1], At, "system"),
        new DotEvents.ControlTaken(new StorageNodeId("abc"), 2, At, "system"),
        new DotEvents.Renamed(
            new DotName("bob", "restoreme"), "u2", "bob", ImmutableSortedDictionary<string, string>.Empty.Add("u3", "carol"), At, "u1"),
        new DotEvents.ReplicationSet(2, At, "u1"),
    ];

    private static readonly TransferEvents.Event[] Transfers =
    [
        new TransferEvents.Asked(
            new StoredRecord(
                "t1", "peer", "bob", "push", new DotName("alice", "data"), "", "bob", "copy", "side", new StorageNodeId("abc"), "Starting", null, null,
                null, 0, 0, 0, 0, 0, 0, "", At, At),
            "u1",
            At),
        new TransferEvents.Begun(new StorageNodeId("abc"), At),
        new TransferEvents.SegmentEntered(1, 2, Fs, At),
        new TransferEvents.RangeChosen($"{Fs}@c1", C1, At),
        new TransferEvents.StreamBegun(1000, At),
        new TransferEvents.TryFailed(2, "Attempting to push f got <Event x: y>", At),
        new TransferEvents.Compared(At),
        new TransferEvents.SegmentFinished("", 1000, At),
        new TransferEvents.Failed("Cancelled by bob.", At),
    ];

    private ActorSystem _system = null!;
    private DotmeshSerializer _serializer = null!;

    public Task InitializeAsync()
    {
        _system = ActorSystem.Create("serialization", "akka.stdout-loglevel = OFF\nakka.loglevel = OFF");
        _serializer = new DotmeshSerializer((ExtendedActorSystem)_system);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await _system.Terminate();

    [Fact]
    public void Every_stored_event_is_written_as_its_frozen_sample_and_read_from_it()
    {
        Assert.Equal(
            Manifests.Stored.Order(StringComparer.Ordinal),
            Events.Concat<object>(Transfers).Select(_serializer.Manifest).Order(StringComparer.Ordinal));
        foreach (var happened in Events.Concat<object>(Transfers))
        {
            var manifest = _serializer.Manifest(happened);
            var sample = Frozen(manifest, _serializer.ToBinary(happened));
            Assert.Equal(sample, Encoding.UTF8.GetString(_serializer.ToBinary(happened)));
            var read = _serializer.FromBinary(Encoding.UTF8.GetBytes(sample), manifest);
            Assert.IsType(happened.GetType(), read);
            Assert.Equal(sample, Encoding.UTF8.GetString(_serializer.ToBinary(read)));
        }
    }

    [Fact]
    public void An_envelope_carries_its_command_under_the_commands_own_manifest()
    {
        var sent = new DotEnvelope(
            Fs, new StorageNodeId("abc"), 3, At, "00-trace",
            new DotProtocol.Commit(Fs, C1, new CommitMetadata([KeyValuePair.Create("message", "hé\"")]), "u1"));
        Assert.Equal(sent, _serializer.FromBinary(_serializer.ToBinary(sent), _serializer.Manifest(sent)));
    }

    [Fact]
    public void A_member_that_a_newer_version_added_is_skipped()
    {
        var newer = """{"filesystem":"f","commit":"c","at":"2026-11-23T21:00:00+00:00","by":"u","added":{"x":[1]}}""";
        var read = (DotEvents.Committed)_serializer.FromBinary(Encoding.UTF8.GetBytes(newer), "e.committed.1");
        Assert.Equal(new CommitId("c"), read.Commit);
    }

    [Theory]
    [InlineData("e.committed.9", "{}")]
    [InlineData("System.Diagnostics.Process, System", "{}")]
    [InlineData("e.committed.1", "not json")]
    [InlineData("env.1", """{"dot":"f","node":"n","manifest":"e.deleted.1","payload":{}}""")]
    public void What_is_not_known_fails_loudly(string manifest, string payload) =>
        Assert.Throws<SerializationException>(() => _serializer.FromBinary(Encoding.UTF8.GetBytes(payload), manifest));

    [Fact]
    public void The_serializer_in_the_place_of_the_default_one_reads_and_writes_nothing()
    {
        var deny = new DenyAllSerializer((ExtendedActorSystem)_system, Config.Empty);
        Assert.Equal(1, deny.Identifier);
        Assert.Throws<SerializationException>(() => deny.ToBinary("text"));
        Assert.Throws<SerializationException>(() => deny.FromBinary([], typeof(string)));
    }

    /// <summary>
    /// The sample in the folder beside this file. For a new event the failure shows what to put there; an existing one is
    /// never changed.
    /// </summary>
    private static string Frozen(string manifest, byte[] written)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Unit", "Samples", $"{manifest}.json");
        Assert.True(File.Exists(path), $"no frozen sample {path}; it would be: {Encoding.UTF8.GetString(written)}");
        return File.ReadAllText(path).TrimEnd();
    }
}
