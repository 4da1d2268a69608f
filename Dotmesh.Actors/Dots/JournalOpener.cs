using Akka.Persistence;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// Reads the journal once while the node starts, of nobody: connections are made and code is compiled before the first call to a dot has to
/// wait for it, on a loaded machine longer than the journal's own time limits. What goes wrong the first dot finds out, and says.
/// </summary>
internal sealed class JournalOpener(StorageNodeId node) : UntypedPersistentActor
{
    public override string PersistenceId => $"node-{node}";

    public override Recovery Recovery => new(SnapshotSelectionCriteria.None);

    protected override void OnCommand(object message) => Unhandled(message);

    protected override void OnRecover(object message)
    {
        if (message is RecoveryCompleted)
        {
            Context.Stop(Self);
        }
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null) => Context.Stop(Self);
}
