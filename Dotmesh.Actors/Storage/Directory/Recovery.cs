namespace Dotmesh.Actors.Storage.Directory;

/// <summary>After a crash: finishes or undoes what the intents name, and removes what was being built.</summary>
internal sealed class Recovery(PoolFolder pool)
{
    internal IReadOnlyList<string> Run(CancellationToken ct)
    {
        var done = new List<string>();
        foreach (var id in PoolFiles.Names(pool.Intents))
        {
            ct.ThrowIfCancellationRequested();
            if (Intent.TryRead(pool.IntentOf(id)) is { } intent && !id.EndsWith(".tmp", StringComparison.Ordinal))
            {
                done.Add(Mend(id, intent, ct));
            }

            PoolFiles.Remove(pool.IntentOf(id));
        }

        foreach (var name in PoolFiles.Names(pool.Temporary))
        {
            PoolFiles.RemoveTree($"{pool.Temporary}/{name}", ct);
            done.Add($"Removed {name}, which was being made or removed");
        }

        foreach (var id in PoolFiles.Names(pool.Kept))
        {
            PoolFiles.RemoveTree($"{pool.Kept}/{id}", ct);
        }

        RemoveDeadMounts(done);
        return done;
    }

    /// <summary>Before the next operation on a filesystem whose last one failed half-way.</summary>
    internal void MendUnfinished(string id, CancellationToken ct)
    {
        if (Intent.TryRead(pool.IntentOf(id)) is { } intent)
        {
            Mend(id, intent, ct);
        }

        PoolFiles.Remove(pool.IntentOf(id));
        pool.Heads.Drop(id);
        pool.Unfinished.TryRemove(id, out _);
    }

    private string Mend(string id, Intent intent, CancellationToken ct)
    {
        switch (intent.Operation)
        {
            case Intent.Stashes:
                new Stashing(pool).Finish(id, intent);
                return $"Finished the stash of {id} at {intent.Commit} as {intent.Stash}";
            case Intent.Rollback when pool.Folder(id).TryReadHead() is { } head
                && head.Find(new CommitId(intent.Commit!)) is { } to:
                new Restoring(pool).FinishRollback(id, head, to, () => { }, ct);
                return $"Finished the rollback of {id} to {intent.Commit}";
            default:
                return Tidy(id, intent, ct);
        }
    }

    private string Tidy(string id, Intent intent, CancellationToken ct)
    {
        var folder = pool.Folder(id);
        if (folder.TryReadHead() is not { } head)
        {
            return $"Nothing is left of {id}, on which a {intent.Operation} had begun";
        }

        if (intent.Operation == Intent.Receive)
        {
            Restoring.Reset(folder, head, ct);
        }

        folder.DiscardUnreferenced(head.Info, head.Commits);
        return $"Removed what an interrupted {intent.Operation} left in {id}";
    }

    private void RemoveDeadMounts(List<string> done)
    {
        foreach (var name in PoolFiles.Names(pool.Mounts))
        {
            var path = $"{pool.Mounts}/{name}";
            var id = name.Split('@')[0];
            if (Mounting.IsMounted(path) && !PoolFiles.Exists(pool.Folder(id).Path))
            {
                PoolFiles.Remove(path);
                done.Add($"Removed the mount {name} of a filesystem that is not there");
            }
        }
    }
}
