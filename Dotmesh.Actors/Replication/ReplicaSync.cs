using System.Collections.Concurrent;
using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Replication;

/// <summary>
/// Brings this node's copy of one dot to what its controlling node has (design D8); never two at once for a dot. Every step leaves a
/// copy that a later run goes on from. What this node controlled before and nobody else has is handed in first: nothing of it
/// is thrown away before the controlling node holds it (design D9).
/// </summary>
internal sealed class ReplicaSync(DotEnvironment env, IReplicaLink link, HandingIn handingIn)
{
    /// <summary>Commits in one stream: what was received stays when a later one breaks off.</summary>
    private const int Package = 64;

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(20);

    private readonly ConcurrentDictionary<FilesystemId, bool> _verified = new();

    /// <summary>Done too when there is nothing to copy: the dot is this node's own, or gone.</summary>
    public async Task<Outcome<Done>> Run(FilesystemId dot, CancellationToken ct)
    {
        // what an earlier controlling process of this node still does to the dot ends first
        using var alone = await env.Running.EnterAlone(dot, ct);
        try
        {
            if (env.Directory.Find(dot) is not { } row)
            {
                await DropDeleted(dot, ct);
                return default(Done);
            }

            return row.Node == env.Node || row.Status is DotStatus.Creating or DotStatus.Deleting
                ? default(Done)
                : await Follow(row, ct);
        }
        catch (Exception) when (ct.IsCancellationRequested && !env.Stopping.IsCancellationRequested)
        {
            // however it was noticed: a connection that is let go of fails in several ways
            return new Refusal(RefusalCode.Conflict, $"The control of dot {dot} changed while it was copied.");
        }
        catch (StorageException failure)
        {
            env.Log.LogWarning(failure, "replica of {Dot}: {Message}", dot, failure.Message);
            return Refusals.From(failure);
        }
        catch (DirectoryChangedException)
        {
            return new Refusal(RefusalCode.Conflict, $"The control of dot {dot} changed while it was copied.");
        }
    }

    private async Task<Outcome<Done>> Follow(DotRow row, CancellationToken ct)
    {
        if (Here(row.Id).Values.Max(filesystem => filesystem.Labels?.Epoch) is { } epoch && epoch > row.Epoch)
        {
            return new Refusal(
                RefusalCode.Conflict, $"Dot {row.Id} was at epoch {epoch} here and is said to be at {row.Epoch}: nothing older is taken.");
        }

        if ((await handingIn.Run(row, ct)).Refused(out var refusal))
        {
            return refusal;
        }

        var holdings = await Ask(row, ct);
        if (holdings.Refused(out refusal))
        {
            return refusal;
        }

        var rebuilt = new HashSet<FilesystemId>();
        while (ReplicaPlan.Next(holdings.Value, Here(row.Id), Package) is { } step)
        {
            if (env.Directory.Find(row.Id) is not { } now || now.Node != row.Node || now.Epoch != row.Epoch)
            {
                throw new DirectoryChangedException();
            }

            if (step is ReplicaStep.AskAgain)
            {
                holdings = await Ask(row, ct);
                if (holdings.Refused(out refusal))
                {
                    return refusal;
                }
            }
            else if ((await Take(step, row, rebuilt, ct)).Refused(out refusal))
            {
                return refusal;
            }
        }

        _verified[row.Id] = true;
        return default(Done);
    }

    /// <summary>The first time of this process with GUIDs, so that a copy that differs is never taken for the same.</summary>
    private async Task<Outcome<DotHoldings>> Ask(DotRow row, CancellationToken ct)
    {
        var here = Here(row.Id);
        var verify = here.Count > 0 && !_verified.ContainsKey(row.Id);
        if (verify)
        {
            await env.Refresh(here.Keys, ct);
        }

        var known = here.Keys
            .Where(id => env.Index.Newest(id) is not null)
            .ToImmutableSortedDictionary(
                id => id.Value, id => new KnownCommits(env.Index.Count(id), env.Index.Newest(id)!.Value), StringComparer.Ordinal);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(AnswerLimit);
        try
        {
            return await link.Holdings(row.Node, new HoldingsQuery(row.Id, row.Epoch, known, verify), limit.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return Refusals.NodeSilent(row.Node, "in time");
        }
    }

    private Dictionary<FilesystemId, StoredFilesystem> Here(FilesystemId dot) =>
        env.Index.OfDot(dot).Select(env.Index.Find).OfType<StoredFilesystem>().ToDictionary(filesystem => filesystem.Id);

    private async Task<Outcome<Done>> Take(ReplicaStep step, DotRow row, HashSet<FilesystemId> rebuilt, CancellationToken ct)
    {
        switch (step)
        {
            case ReplicaStep.Receive receive:
                return await Receive(receive, row, rebuilt, ct);
            case ReplicaStep.Rollback rollback:
                await Work(rollback.Filesystem, "rolling back", async () =>
                {
                    await env.Storage.Rollback(rollback.Filesystem, rollback.To, ct);
                    await env.Refresh(Here(row.Id).Keys, ct);
                    await Unmount(row.Id, ct);
                });
                break;
            case ReplicaStep.Destroy destroy:
                await Destroy(destroy.Filesystem, ct);
                break;
            case ReplicaStep.Branch branch:
                await Work(branch.Filesystem, "receiving", async () =>
                {
                    await env.Storage.Branch(branch.Origin.Filesystem, branch.Origin.Commit, branch.Filesystem, branch.Labels, ct);
                    await env.Refresh([branch.Filesystem], ct);
                    await Unmount(row.Id, ct);
                });
                break;
            case ReplicaStep.Relabel relabel:
                if (env.Index.LabelsOf(relabel.Filesystem) is { } before && before.Name != relabel.Labels.Name)
                {
                    // of a time when the dot was controlled here, under another name
                    env.Links.Remove(before.Name, [(before.Branch, relabel.Filesystem)]);
                }

                await env.SetLabels(relabel.Filesystem, relabel.Labels, ct);
                break;
        }

        return default(Done);
    }

    private async Task<Outcome<Done>> Receive(ReplicaStep.Receive step, DotRow row, HashSet<FilesystemId> rebuilt, CancellationToken ct)
    {
        var id = step.Range.Filesystem;
        try
        {
            return await Work(id, "receiving", async () =>
            {
                var fetched = await link.Fetch(
                    row.Node,
                    new FetchRequest(row.Id, row.Epoch, step.Range),
                    (stream, token) => env.Storage.Receive(step.Range, step.Labels, stream, token),
                    ct);
                if (fetched.Refused(out _))
                {
                    return fetched;
                }

                if (step.Range.From?.Filesystem == id)
                {
                    foreach (var commit in step.Commits)
                    {
                        env.Index.Append(id, commit);
                    }

                    env.Usage.Invalidate(id);
                }
                else
                {
                    await env.Refresh([id], ct);
                }

                return fetched;
            });
        }
        catch (StorageException failure) when (failure.Failure is StorageFailure.Modified or StorageFailure.BadStream && rebuilt.Add(id))
        {
            await Mend(id, failure, ct);
            return default(Done);
        }
    }

    /// <summary>A copy that is not what it was taken for: written to, or with other commits under the same names.</summary>
    private async Task Mend(FilesystemId id, StorageException failure, CancellationToken ct)
    {
        if (env.Index.Newest(id) is not { } newest)
        {
            throw failure;
        }

        if (failure.Failure == StorageFailure.Modified)
        {
            env.Log.LogWarning("replica {Filesystem}: {Message} It goes back to its newest commit", id, failure.Message);
            await env.Storage.Rollback(id, newest, ct);
            await env.Storage.Unmount(id, ct);
            await env.Refresh([id], ct);
            return;
        }

        env.Log.LogWarning("replica {Filesystem} differs from its controlling node and is built anew: {Message}", id, failure.Message);
        foreach (var dependent in env.Index.OfDot(env.Index.Find(id)!.Labels!.Dot).Where(other => env.Index.Find(other)?.Origin?.Filesystem == id))
        {
            await Destroy(dependent, ct);
        }

        await Destroy(id, ct);
    }

    private Task Destroy(FilesystemId id, CancellationToken ct) => Work(id, "deleting", () => env.Destroy(id, ct));

    /// <summary>A dot that was deleted goes here too; what merely is not known may be all that is left of it, and stays.</summary>
    private async Task DropDeleted(FilesystemId dot, CancellationToken ct)
    {
        if (env.Index.OfDot(dot).Count == 0 || !(await env.Directory.Deleted([dot], ct)).Contains(dot))
        {
            return;
        }

        var name = await env.DropDeleted(dot, ct);
        env.Log.LogInformation("dot {Dot} ({Name}) was deleted; its copy here is gone too", dot, name);
    }

    private async Task Unmount(FilesystemId dot, CancellationToken ct)
    {
        foreach (var id in env.Index.OfDot(dot).Where(env.Index.IsMounted))
        {
            await env.Storage.Unmount(id, ct);
            env.Index.SetMounted(id, false);
        }
    }

    private Task Work(FilesystemId id, string what, Func<Task> body) => Work(id, what, async () =>
    {
        await body();
        return default(Done);
    });

    private async Task<T> Work<T>(FilesystemId id, string what, Func<Task<T>> body)
    {
        var before = env.States.State(id);
        env.States.Begin(id, what);
        try
        {
            return await body();
        }
        catch
        {
            // what was made before it broke off is in the pool: unknown it would outlive its dot
            await env.Refresh([id], env.Stopping);
            throw;
        }
        finally
        {
            env.States.End(id, before);
        }
    }

    private sealed class DirectoryChangedException() : Exception("the control of the dot changed");
}
