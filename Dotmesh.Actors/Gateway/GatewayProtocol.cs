using Akka.Actor;
using Dotmesh.Actors.Dots;

namespace Dotmesh.Actors.Gateway;

/// <summary>Between the facade and the gateway actor; never leaves the node.</summary>
internal static class GatewayProtocol
{
    /// <summary>From the facade: send this to its dot and complete <see cref="Answer"/>, whatever happens.</summary>
    public sealed record Send(FilesystemId Dot, DotProtocol.Command Command, DateTimeOffset Deadline, string TraceParent)
        : INoSerializationVerificationNeeded
    {
        public TaskCompletionSource<DotProtocol.Reply> Answer { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>What the region answered, or null when it did not in time.</summary>
    public sealed record Answered(Send Request, int Attempt, DotProtocol.Reply? Reply) : INoSerializationVerificationNeeded;
}
