using System.Collections.Immutable;
using Dotmesh.Actors.Serialization;

namespace Dotmesh.Actors.Containers;

/// <param name="Name">For people; the id counts.</param>
internal sealed record StoppedContainer(string Id, string Name);

/// <summary>Containers that an operation stops and has to start again.</summary>
/// <param name="Key">One for each operation.</param>
/// <param name="Containers">In the order in which they were started.</param>
internal sealed record Interruption(string Key, FilesystemId Dot, ImmutableArray<StoppedContainer> Containers);

/// <summary>
/// What was stopped and has to run again, in a file of this node: written before the first container is stopped and removed when the
/// last one runs, so that the next start of the node goes on where this one was killed.
/// </summary>
internal sealed class StoppedContainers(string path)
{
    private readonly DurableList<Interruption> _all = new(path, Wire.Default.InterruptionArray);

    public ImmutableArray<Interruption> All => _all.All;

    /// <summary>Durable when it returns.</summary>
    public void Add(Interruption interruption) => _all.Change(all => all.Add(interruption));

    /// <summary>What is left of one; nothing of it removes it.</summary>
    public void Replace(Interruption left) => _all.Change(all => left.Containers.IsEmpty
        ? all.RemoveAll(interruption => interruption.Key == left.Key)
        : [.. all.Select(interruption => interruption.Key == left.Key ? left : interruption)]);
}
