using System.Collections.Immutable;
using Dotmesh.Actors.Serialization;

namespace Dotmesh.Actors.Containers;

/// <summary>A mount that an engine asked for and has not given back.</summary>
/// <param name="Volume">As the engine calls it.</param>
/// <param name="Id">The engine's, one for each mount of each container.</param>
internal sealed record HeldMount(string Volume, string Id, FilesystemId Filesystem);

/// <summary>
/// The mounts that the engine holds, in a file of this node: who counts only containers does not see one that is being started. What is
/// here is a claim, the engine's list is the truth: see <see cref="Keep"/>.
/// </summary>
internal sealed class MountLedger(string path)
{
    private readonly DurableList<HeldMount> _held = new(path, Wire.Default.HeldMountArray);

    public ImmutableArray<HeldMount> All => _held.All;

    /// <summary>Durable when it returns. An engine that starts anew asks again for what its containers had: that is the same mount.</summary>
    public void Add(HeldMount mount) => _held.Change(held => Without(held, mount.Volume, mount.Id).Add(mount));

    public void Remove(string volume, string id) => _held.Change(held => Without(held, volume, id));

    /// <summary>What a volume that is held leads to; null when it is not held.</summary>
    public FilesystemId? LeadsTo(string volume) => _held.All.FirstOrDefault(mount => mount.Volume == volume)?.Filesystem;

    /// <summary>
    /// After the engine was away it may have forgotten to give some back: no more are held of a volume than its running containers have.
    /// </summary>
    /// <param name="known">Those that were held before the engine was asked; what was added since is kept.</param>
    public void Keep(IReadOnlyCollection<HeldMount> known, Func<string, int> running)
    {
        var dropped = known.GroupBy(mount => mount.Volume).SelectMany(group => group.Skip(running(group.Key))).ToHashSet();
        _held.Change(held => held.RemoveAll(dropped.Contains));
    }

    private static ImmutableArray<HeldMount> Without(ImmutableArray<HeldMount> held, string volume, string id) =>
        held.RemoveAll(mount => mount.Volume == volume && mount.Id == id);
}
