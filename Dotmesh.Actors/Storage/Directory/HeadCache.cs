namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// The heads used last, up to a number of tree nodes (about 200 bytes each): idle filesystems cost no memory, busy ones no
/// reading.
/// </summary>
internal sealed class HeadCache(int budget)
{
    private readonly Dictionary<string, LinkedListNode<(string Id, Head Head)>> _heads = new(StringComparer.Ordinal);
    private readonly LinkedList<(string Id, Head Head)> _byUse = new();
    private readonly Lock _lock = new();
    private readonly long[] _changes = new long[1024];
    private long _entries;

    internal Head? TryGet(string id)
    {
        lock (_lock)
        {
            if (!_heads.TryGetValue(id, out var node))
            {
                return null;
            }

            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return node.Value.Head;
        }
    }

    /// <summary>To be taken before a head is read and given to <see cref="Offer"/> with it.</summary>
    internal long Stamp(string id)
    {
        lock (_lock)
        {
            return Changes(id);
        }
    }

    /// <summary>
    /// Keeps a head that was read from disk, unless its filesystem was changed since the stamp: sizes are measured beside
    /// other operations, and an older head put over a newer one would make the next commit cut the log at its older end.
    /// </summary>
    internal void Offer(string id, Head head, long stamp)
    {
        lock (_lock)
        {
            if (Changes(id) == stamp)
            {
                Keep(id, head);
            }
        }
    }

    internal void Put(string id, Head head)
    {
        lock (_lock)
        {
            Changes(id)++;
            Keep(id, head);
        }
    }

    internal void Drop(string id)
    {
        lock (_lock)
        {
            Changes(id)++;
            Evict(id);
        }
    }

    // filesystems that share a counter only lose an offer now and then
    private ref long Changes(string id) => ref _changes[(uint)id.GetHashCode(StringComparison.Ordinal) % _changes.Length];

    private void Keep(string id, Head head)
    {
        Evict(id);
        _heads[id] = _byUse.AddFirst((id, head));
        _entries += Weight(head);
        while (_entries > budget && _byUse.Count > 1)
        {
            Evict(_byUse.Last!.Value.Id);
        }
    }

    private void Evict(string id)
    {
        if (_heads.Remove(id, out var node))
        {
            _byUse.Remove(node);
            _entries -= Weight(node.Value.Head);
        }
    }

    // a head is never free: its commits count as well
    private static int Weight(Head head) => head.Entries + (4 * head.Commits.Length) + 8;
}
