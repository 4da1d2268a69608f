using System.Collections.Immutable;
using Dotmesh.Actors.Filesystems;

namespace Dotmesh.Actors.Replication;

/// <summary>
/// On the controlling node: how far each replica has got, as it told, and who waits for a commit to be on enough nodes
/// (<c>Durability: replicated</c>). Thread-safe.
/// </summary>
internal sealed class ReplicaKnowledge(PoolIndex index)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<FilesystemId, Dictionary<StorageNodeId, CommitId>> _newest = [];
    private readonly List<Waiter> _waiters = [];

    /// <summary>A replica told what it has now.</summary>
    public void Note(StorageNodeId node, ImmutableArray<HeldFilesystem> held)
    {
        lock (_lock)
        {
            foreach (var filesystem in held)
            {
                if (filesystem.Newest is not { } newest)
                {
                    continue;
                }

                if (!_newest.TryGetValue(filesystem.Id, out var nodes))
                {
                    _newest[filesystem.Id] = nodes = [];
                }

                nodes[node] = newest;
                foreach (var waiter in _waiters.Where(waiter => waiter.Filesystem == filesystem.Id).ToList())
                {
                    Check(waiter);
                }
            }
        }
    }

    public void Forget(FilesystemId filesystem)
    {
        lock (_lock)
        {
            _newest.Remove(filesystem);
        }
    }

    /// <summary>Copies of a commit that are known of, this node's included.</summary>
    public int Copies(FilesystemId filesystem, CommitId commit)
    {
        lock (_lock)
        {
            return Count(filesystem, commit);
        }
    }

    /// <summary>Answers when so many nodes have the commit; its end by the token is the caller's to explain.</summary>
    public async Task Wait(FilesystemId filesystem, CommitId commit, int copies, CancellationToken ct)
    {
        var waiter = new Waiter(filesystem, commit, copies);
        lock (_lock)
        {
            _waiters.Add(waiter);
            Check(waiter);
        }

        try
        {
            await waiter.Enough.Task.WaitAsync(ct);
        }
        finally
        {
            lock (_lock)
            {
                _waiters.Remove(waiter);
            }
        }
    }

    private void Check(Waiter waiter)
    {
        if (Count(waiter.Filesystem, waiter.Commit) >= waiter.Copies)
        {
            waiter.Enough.TrySetResult();
        }
    }

    private int Count(FilesystemId filesystem, CommitId commit)
    {
        var copies = index.Has(filesystem, commit) ? 1 : 0;
        return copies + (_newest.GetValueOrDefault(filesystem)?.Values.Count(newest => index.IsUpTo(filesystem, commit, newest)) ?? 0);
    }

    private sealed record Waiter(FilesystemId Filesystem, CommitId Commit, int Copies)
    {
        public TaskCompletionSource Enough { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
