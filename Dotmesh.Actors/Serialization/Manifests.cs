using System.Collections.Frozen;
using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Actors.Serialization;

/// <summary>
/// The name under which each message and event is written: short, versioned, never a CLR type name (design D13). A stored
/// event keeps its manifest for ever; a changed shape is a new version beside it.
/// </summary>
public static class Manifests
{
    public const string Envelope = "env.1";

    private static readonly (string Manifest, JsonTypeInfo Type)[] All =
    [
        ("c.create.1", Wire.Default.Create),
        ("c.delete.1", Wire.Default.Delete),
        ("c.commit.1", Wire.Default.Commit),
        ("c.rollback.1", Wire.Default.Rollback),
        ("c.branch.1", Wire.Default.Branch),
        ("c.stash.1", Wire.Default.Stash),
        ("c.share.1", Wire.Default.AddCollaborator),
        ("c.unshare.1", Wire.Default.RemoveCollaborator),
        ("c.rename.1", Wire.Default.Rename),
        ("c.mount.1", Wire.Default.Mount),
        ("c.mount-commit.1", Wire.Default.MountCommit),
        ("c.switch.1", Wire.Default.Switch),
        ("c.predict.1", Wire.Default.PredictSize),
        ("c.rediscover.1", Wire.Default.Rediscover),
        ("c.wake.1", Wire.Default.Wake),
        ("c.take-in.1", Wire.Default.TakeIn),
        ("c.set-replication.1", Wire.Default.SetReplication),
        ("c.hand-over.1", Wire.Default.HandOver),
        ("c.give-back.1", Wire.Default.GiveBack),
        ("c.receive.1", Wire.Default.Receive),
        ("r.finished.1", Wire.Default.Finished),
        ("r.committed.1", Wire.Default.ReplyCommitted),
        ("r.stashed.1", Wire.Default.ReplyStashed),
        ("r.mounted.1", Wire.Default.Mounted),
        ("r.predicted.1", Wire.Default.Predicted),
        ("r.found.1", Wire.Default.Found),
        ("r.refused.1", Wire.Default.Refused),
        ("r.moved.1", Wire.Default.Moved),
        ("r.undelivered.1", Wire.Default.NotDelivered),
        ("s.prime.1", Wire.Default.PrimeShard),
        ("s.primed.1", Wire.Default.ShardPrimed),
        ("s.stop.1", Wire.Default.StopDot),
        ("p.changed.1", Wire.Default.RowsChanged),
        ("p.read.1", Wire.Default.RowsRead),
        ("p.dot-changed.1", Wire.Default.DotChanged),
        ("e.created.1", Wire.Default.Created),
        ("e.adopted.1", Wire.Default.Adopted),
        ("e.committed.1", Wire.Default.Committed),
        ("e.branched.1", Wire.Default.Branched),
        ("e.rollback-begun.1", Wire.Default.RollbackBegun),
        ("e.rolled-back.1", Wire.Default.RolledBack),
        ("e.stash-begun.1", Wire.Default.StashBegun),
        ("e.stashed.1", Wire.Default.Stashed),
        ("e.change-abandoned.1", Wire.Default.ChangeAbandoned),
        ("e.deletion-begun.1", Wire.Default.DeletionBegun),
        ("e.deleted.1", Wire.Default.Deleted),
        ("e.shared.1", Wire.Default.CollaboratorAdded),
        ("e.unshared.1", Wire.Default.CollaboratorRemoved),
        ("e.branch-adopted.1", Wire.Default.BranchAdopted),
        ("e.commits-adopted.1", Wire.Default.CommitsAdopted),
        ("e.commits-lost.1", Wire.Default.CommitsLost),
        ("e.control-taken.1", Wire.Default.ControlTaken),
        ("e.renamed.1", Wire.Default.Renamed),
        ("e.replication-set.1", Wire.Default.ReplicationSet),
        ("t.asked.1", Wire.Default.Asked),
        ("t.begun.1", Wire.Default.Begun),
        ("t.segment-entered.1", Wire.Default.SegmentEntered),
        ("t.range-chosen.1", Wire.Default.RangeChosen),
        ("t.stream-begun.1", Wire.Default.StreamBegun),
        ("t.try-failed.1", Wire.Default.TryFailed),
        ("t.compared.1", Wire.Default.Compared),
        ("t.segment-finished.1", Wire.Default.SegmentFinished),
        ("t.failed.1", Wire.Default.TransferFailed),
    ];

    private static readonly FrozenDictionary<Type, (string Manifest, JsonTypeInfo Type)> ByType =
        All.ToFrozenDictionary(entry => entry.Type.Type);

    private static readonly FrozenDictionary<string, JsonTypeInfo> ByManifest =
        All.ToFrozenDictionary(entry => entry.Manifest, entry => entry.Type, StringComparer.Ordinal);

    /// <summary>Manifests of what is stored in the journal.</summary>
    public static IEnumerable<string> Stored =>
        ByType.Where(entry => entry.Key.IsAssignableTo(typeof(DotEvents.Event)) || entry.Key.IsAssignableTo(typeof(TransferEvents.Event)))
            .Select(entry => entry.Value.Manifest);

    public static (string Manifest, JsonTypeInfo Type) Of(object message) =>
        ByType.TryGetValue(message.GetType(), out var entry)
            ? entry
            : throw new System.Runtime.Serialization.SerializationException(
                $"{message.GetType()} has no manifest: add it to {nameof(Manifests)}");

    /// <summary>Of a type that is in the table.</summary>
    public static string Of(Type type) => ByType[type].Manifest;

    /// <summary>Null: written by a newer version.</summary>
    public static JsonTypeInfo? Find(string manifest) => ByManifest.GetValueOrDefault(manifest);

    public static JsonTypeInfo TypeOf(string manifest) =>
        ByManifest.TryGetValue(manifest, out var type)
            ? type
            : throw new System.Runtime.Serialization.SerializationException(
                $"unknown manifest '{manifest}': written by a newer version, or not by this program");
}
