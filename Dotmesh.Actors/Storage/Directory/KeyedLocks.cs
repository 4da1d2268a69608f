namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// One lock per filesystem, made when first wanted and forgotten when nobody holds or awaits it. Several are taken in
/// the order of their names, so that two operations never wait for each other.
/// </summary>
internal sealed class KeyedLocks
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    internal async Task<IDisposable> Take(CancellationToken ct, params string[] keys)
    {
        var held = new List<(string Key, Entry Entry)>();
        try
        {
            foreach (var key in keys.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            {
                var entry = Enter(key);
                try
                {
                    await entry.Semaphore.WaitAsync(ct);
                }
                catch
                {
                    Leave(key, entry);
                    throw;
                }

                held.Add((key, entry));
            }

            return new Holding(this, held);
        }
        catch
        {
            Release(held);
            throw;
        }
    }

    private Entry Enter(string key)
    {
        lock (_entries)
        {
            if (!_entries.TryGetValue(key, out var entry))
            {
                _entries[key] = entry = new Entry();
            }

            entry.Users++;
            return entry;
        }
    }

    private void Leave(string key, Entry entry)
    {
        lock (_entries)
        {
            if (--entry.Users == 0)
            {
                _entries.Remove(key);
                entry.Semaphore.Dispose();
            }
        }
    }

    private void Release(List<(string Key, Entry Entry)> held)
    {
        foreach (var (key, entry) in held)
        {
            entry.Semaphore.Release();
            Leave(key, entry);
        }

        held.Clear();
    }

    private sealed class Entry
    {
        internal SemaphoreSlim Semaphore { get; } = new(1, 1);

        internal int Users { get; set; }
    }

    private sealed class Holding(KeyedLocks locks, List<(string Key, Entry Entry)> held) : IDisposable
    {
        public void Dispose() => locks.Release(held);
    }
}
