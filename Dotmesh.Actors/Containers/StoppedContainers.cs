using System.Collections.Immutable;
using System.Text.Json;
using Dotmesh.Actors.Serialization;
using Dotmesh.Actors.Storage.Directory;

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
internal sealed class StoppedContainers
{
    private readonly string _path;
    private readonly Lock _lock = new();
    private ImmutableArray<Interruption> _all;

    private StoppedContainers(string path, ImmutableArray<Interruption> all)
    {
        _path = path;
        _all = all;
    }

    public ImmutableArray<Interruption> All => _all;

    public static StoppedContainers Open(string path) => new(
        path, PoolFiles.TryRead(path) is { } bytes ? [.. JsonSerializer.Deserialize(bytes, Wire.Default.InterruptionArray)!] : []);

    /// <summary>Durable when it returns.</summary>
    public void Add(Interruption interruption) => Change(all => all.Add(interruption));

    /// <summary>What is left of one; nothing of it removes it.</summary>
    public void Replace(Interruption left) => Change(all => left.Containers.IsEmpty
        ? all.RemoveAll(interruption => interruption.Key == left.Key)
        : [.. all.Select(interruption => interruption.Key == left.Key ? left : interruption)]);

    private void Change(Func<ImmutableArray<Interruption>, ImmutableArray<Interruption>> change)
    {
        lock (_lock)
        {
            var changed = change(_all);
            PoolFiles.Replace(_path, JsonSerializer.SerializeToUtf8Bytes([.. changed], Wire.Default.InterruptionArray));
            _all = changed;
        }
    }
}
