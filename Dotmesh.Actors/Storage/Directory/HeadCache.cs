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

    internal void Put(string id, Head head)
    {
        lock (_lock)
        {
            Drop(id);
            _heads[id] = _byUse.AddFirst((id, head));
            _entries += Weight(head);
            while (_entries > budget && _byUse.Count > 1)
            {
                Drop(_byUse.Last!.Value.Id);
            }
        }
    }

    internal void Drop(string id)
    {
        lock (_lock)
        {
            if (_heads.Remove(id, out var node))
            {
                _byUse.Remove(node);
                _entries -= Weight(node.Value.Head);
            }
        }
    }

    // a head is never free: its commits count as well
    private static int Weight(Head head) => head.Entries + (4 * head.Commits.Length) + 8;
}
