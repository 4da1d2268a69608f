using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors.Storage.Directory;

namespace Dotmesh.Actors.Containers;

/// <summary>A short list in a file of this node, whole in memory; the file has the old list or the new one, whatever happens.</summary>
/// <param name="path">Made when it is first written.</param>
internal sealed class DurableList<T>(string path, JsonTypeInfo<T[]> type)
{
    private readonly Lock _lock = new();
    private ImmutableArray<T> _all = PoolFiles.TryRead(path) is { } bytes ? [.. JsonSerializer.Deserialize(bytes, type)!] : [];

    public ImmutableArray<T> All
    {
        get
        {
            lock (_lock)
            {
                return _all;
            }
        }
    }

    /// <summary>Durable when it returns; a list that stays as it was is not written.</summary>
    public void Change(Func<ImmutableArray<T>, ImmutableArray<T>> change)
    {
        lock (_lock)
        {
            var changed = change(_all);
            if (!changed.SequenceEqual(_all))
            {
                PoolFiles.Replace(path, JsonSerializer.SerializeToUtf8Bytes([.. changed], type));
                _all = changed;
            }
        }
    }
}
