using System.Collections.Immutable;
using Akka.Actor;

namespace Dotmesh.Actors.Replication;

/// <summary>To and from the <see cref="ReplicatorActor"/>; never leaves the node.</summary>
internal static class ReplicatorProtocol
{
    /// <summary>Something of the dot may be new here: its row, or what its controlling node has.</summary>
    public sealed record Changed(FilesystemId Dot) : INoSerializationVerificationNeeded;

    /// <summary>News may have been missed, or holders changed: ask all nodes what they control.</summary>
    public sealed record CompareAll(string Why) : INoSerializationVerificationNeeded;

    /// <summary>Sync this dot, and tell when a run that begins after this message has ended.</summary>
    public sealed record SyncNow(FilesystemId Dot) : INoSerializationVerificationNeeded
    {
        public TaskCompletionSource<Outcome<Done>> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Further runs that it may have when one breaks off; the actor's own.</summary>
        public int TriesLeft { get; set; } = 2;
    }

    public sealed record Synced(FilesystemId Dot, Outcome<Done> Outcome) : INoSerializationVerificationNeeded;

    public sealed record Compared(StorageNodeId Node, Outcome<ImmutableArray<DotVersion>> Outcome) : INoSerializationVerificationNeeded;

    public sealed record Retry : INoSerializationVerificationNeeded
    {
        public static readonly Retry Instance = new();
    }

    public sealed record Sweep : INoSerializationVerificationNeeded
    {
        public static readonly Sweep Instance = new();
    }
}
