using System.Collections.Immutable;
using System.Text.Json;
using Dotmesh.Actors.Serialization;
using Dotmesh.Actors.Storage.Directory;

namespace Dotmesh.Actors.Containers;

/// <summary>A mount that an engine asked for and has not given back.</summary>
/// <param name="Volume">As the engine calls it.</param>
/// <param name="Id">The engine's, one for each mount of each container.</param>
internal sealed record HeldMount(string Volume, string Id, FilesystemId Filesystem);

/// <summary>
/// The mounts that the engine holds, in a file of this node: who counts only containers does not see one that is being started. What is
/// here is a claim, the engine's list is the truth: see <see cref="Keep"/>.
/// </summary>
internal sealed class MountLedger
{
    private readonly string _path;
    private readonly Lock _lock = new();
    private ImmutableDictionary<(string Volume, string Id), HeldMount> _held;

    private MountLedger(string path, IEnumerable<HeldMount> held)
    {
        _path = path;
        _held = held.ToImmutableDictionary(mount => (mount.Volume, mount.Id));
    }

    public IEnumerable<HeldMount> All => _held.Values;

    /// <param name="path">Made when it is first written.</param>
    public static MountLedger Open(string path) => new(
        path, PoolFiles.TryRead(path) is { } bytes ? JsonSerializer.Deserialize(bytes, Wire.Default.HeldMountArray)! : []);

    /// <summary>Durable when it returns. An engine that starts anew asks again for what its containers had: that is the same mount.</summary>
    public void Add(HeldMount mount) => Change(held => held.SetItem((mount.Volume, mount.Id), mount));

    public void Remove(string volume, string id) => Change(held => held.Remove((volume, id)));

    /// <summary>What a volume that is held leads to; null when it is not held.</summary>
    public FilesystemId? LeadsTo(string volume) => _held.Values.FirstOrDefault(mount => mount.Volume == volume)?.Filesystem;

    /// <summary>
    /// After the engine was away it may have forgotten to give some back: no more are held of a volume than its running containers have.
    /// </summary>
    /// <param name="known">Those that were held before the engine was asked; what was added since is kept.</param>
    public void Keep(IReadOnlyCollection<HeldMount> known, Func<string, int> running) => Change(held =>
    {
        var dropped = known.GroupBy(mount => mount.Volume).SelectMany(group => group.Skip(running(group.Key)));
        return held.RemoveRange(dropped.Select(mount => (mount.Volume, mount.Id)));
    });

    private void Change(
        Func<ImmutableDictionary<(string Volume, string Id), HeldMount>, ImmutableDictionary<(string Volume, string Id), HeldMount>> change)
    {
        lock (_lock)
        {
            var changed = change(_held);
            if (changed.Count == _held.Count && changed.All(pair => _held.GetValueOrDefault(pair.Key) == pair.Value))
            {
                return;
            }

            PoolFiles.Replace(_path, JsonSerializer.SerializeToUtf8Bytes([.. changed.Values], Wire.Default.HeldMountArray));
            _held = changed;
        }
    }
}
