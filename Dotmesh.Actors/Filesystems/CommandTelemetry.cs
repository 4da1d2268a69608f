using Dotmesh.Actors.Storage.Commands;

namespace Dotmesh.Actors.Filesystems;

/// <summary>Counts the programs that were run: on ZFS they are most of what an operation costs.</summary>
public sealed class CommandTelemetry : ICommandObserver
{
    public void Ended(Command command, TimeSpan elapsed, string outcome)
    {
        var verb = command.Arguments.Count > 0 ? $" {command.Arguments[0]}" : "";
        Telemetry.Program($"{Path.GetFileName(command.FileName)}{verb}", outcome, elapsed);
    }
}
