using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// At start: compares the pool with the directory, in memory, and wakes only the dots where they differ. A dot that the
/// directory does not know is rebuilt from its labels; its own history begins again when it is first used.
/// </summary>
internal sealed class PoolRepair(DotEnvironment env, IUsers users, Func<FilesystemId, CancellationToken, Task<Outcome<Done>>> wake)
{
    private const int AtOnce = 16;

    public async Task Run(CancellationToken ct)
    {
        await DropDeleted(ct);
        await Rebuild(ct);
        var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct };
        await Parallel.ForEachAsync(Damaged(), options, async (dot, token) =>
        {
            if ((await wake(dot, token)).Refused(out var refusal))
            {
                env.Log.LogError("dot {Dot}: could not be repaired at start: {Refusal}; it is tried again when used", dot, refusal);
            }
        });
    }

    /// <summary>
    /// Mounts what a reboot or somebody's hand unmounted, beside the node's work: paths that containers hold stay good.
    /// </summary>
    public async Task MountAll(CancellationToken ct)
    {
        var unmounted = env.Directory.Dots
            .Where(row => row.Node == env.Node && row.Status == DotStatus.Active)
            .SelectMany(row => row.Filesystems)
            .Where(id => env.Index.Contains(id) && !env.Index.IsMounted(id))
            .ToList();
        var options = new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = ct };
        await Parallel.ForEachAsync(unmounted, options, async (id, token) =>
        {
            try
            {
                await env.Storage.Mount(id, token);
                env.Index.SetMounted(id, true);
            }
            catch (StorageException failure)
            {
                env.Log.LogWarning(failure, "could not mount {Filesystem}: {Message}", id, failure.Message);
            }
        });
        if (unmounted.Count > 0)
        {
            env.Log.LogInformation("mounted {Count} filesystems that were not", unmounted.Count);
        }
    }

    /// <summary>What was deleted while this node was away must not come back to life.</summary>
    private async Task DropDeleted(CancellationToken ct)
    {
        var unknown = env.Index.All.Select(id => env.Index.LabelsOf(id)?.Dot).OfType<FilesystemId>()
            .Where(dot => env.Directory.Find(dot) is null).Distinct().ToList();
        if (unknown.Count == 0)
        {
            return;
        }

        foreach (var dot in await env.Directory.Deleted(unknown, ct))
        {
            env.Log.LogInformation("dot {Dot} was deleted while this node was away; its filesystems go", dot);
            try
            {
                // the copy may go for the same reason at the same time
                using var alone = await env.Running.EnterAlone(dot, ct);
                await env.DropDeleted(dot, ct);
            }
            catch (StorageException failure)
            {
                // it is nobody's any more and keeps nobody from the others
                env.Log.LogWarning(failure, "dot {Dot} was deleted, and what is left of it here stays until the next start: {Message}", dot, failure.Message);
            }
        }
    }

    /// <summary>Dots of this node whose row, labels and filesystems do not agree.</summary>
    private List<FilesystemId> Damaged()
    {
        var damaged = new List<FilesystemId>();
        foreach (var row in env.Directory.Dots.Where(row => row.Node == env.Node))
        {
            var known = row.Filesystems.ToHashSet();
            var labels = env.Index.LabelsOf(row.Id);
            if (row.Status != DotStatus.Active
                || env.Index.OfDot(row.Id).Any(id => !known.Contains(id))
                || (env.Index.Contains(row.Id)
                    && (labels is null || labels.Name != row.Name || !labels.Collaborators.SequenceEqual(row.Collaborators))))
            {
                damaged.Add(row.Id);
            }
            else if (known.FirstOrDefault(id => !env.Index.Contains(id)) is { Value: not null } missing)
            {
                env.Log.LogError("dot {Dot} ({Name}): the pool has no filesystem {Filesystem} any more", row.Id, row.Name, missing);
            }
        }

        return damaged;
    }

    private async Task Rebuild(CancellationToken ct)
    {
        var lostOwners = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var id in env.Index.All.ToList())
        {
            var filesystem = env.Index.Find(id);
            if (filesystem is null || (filesystem.Labels is { } known && env.Directory.Find(known.Dot) is not null))
            {
                continue;
            }

            if (filesystem.Labels is not { } labels)
            {
                env.Log.LogWarning("filesystem {Filesystem} carries no labels and belongs to no dot; left alone", id);
            }
            else if (labels is { Replica: true })
            {
                env.Log.LogWarning("filesystem {Filesystem} is a copy of a dot ({Name}) that nobody knows; left alone", id, labels.Name);
            }
            else if (labels.Dot == id)
            {
                await Rebuild(filesystem, labels, lostOwners, ct);
            }
            else if (!env.Index.Contains(labels.Dot))
            {
                env.Log.LogWarning("filesystem {Filesystem} is a branch of dot {Dot} ({Name}), which is not in the pool; left alone",
                    id, labels.Dot, labels.Name);
            }
        }

        if (lostOwners.Count > 0)
        {
            env.Log.LogWarning("owners and collaborators of rebuilt dots who are not users any more: {Users}", string.Join(", ", lostOwners));
        }
    }

    private async Task Rebuild(
        StoredFilesystem master, FilesystemLabels labels, SortedSet<string> lostOwners, CancellationToken ct)
    {
        if (master.Commits.IsEmpty)
        {
            // a creation is answered after its initial commit: nobody was told of this one
            env.Log.LogInformation("filesystem {Filesystem} ({Name}): its creation was cut short; removed", master.Id, labels.Name);
            await env.Storage.Destroy(master.Id, ct);
            env.Index.Remove(master.Id);
            return;
        }

        var row = new DotRow(
            labels.Dot, labels.Name, labels.OwnerId, labels.OwnerName, env.Node, 1, DotStatus.Active,
            labels.Collaborators, Branches(labels.Dot));
        var (there, reserved) = await env.Directory.Reserve(row, ct);
        if (!reserved)
        {
            env.Log.LogError("dot {Dot} in the pool is called {Name}, but so is dot {Other}; left alone", labels.Dot, labels.Name, there.Id);
            return;
        }

        // Reserve writes a row that is being created; its branches and status follow
        await env.Directory.Project(row, ct);
        env.Log.LogInformation("dot {Dot} ({Name}) rebuilt from the pool", labels.Dot, labels.Name);
        foreach (var (userId, userName) in labels.Collaborators.Append(KeyValuePair.Create(labels.OwnerId, labels.OwnerName)))
        {
            if (users.FindById(userId) is null)
            {
                lostOwners.Add($"{userName} ({userId})");
            }
        }
    }

    private ImmutableSortedDictionary<string, BranchRow> Branches(FilesystemId dot)
    {
        var branches = ImmutableSortedDictionary.CreateBuilder<string, BranchRow>(StringComparer.Ordinal);
        foreach (var found in env.Index.OfDot(dot).Where(id => id != dot).Select(env.Index.Find).OfType<StoredFilesystem>())
        {
            if (found is { Origin: { } origin, Labels.Branch: { Length: > 0 } name })
            {
                branches.TryAdd(name, new BranchRow(name, found.Id, origin));
            }
        }

        return branches.ToImmutable();
    }
}
