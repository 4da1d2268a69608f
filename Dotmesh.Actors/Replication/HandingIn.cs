using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Replication;

/// <summary>See <see cref="DotProtocol.GiveBack"/>.</summary>
internal delegate Task<Outcome<Done>> GiveBack(FilesystemId dot, ImmutableArray<SeenFilesystem> seen, CancellationToken ct);

/// <summary>
/// A node that controlled a dot and does not any more gives what only it has to the node that does: commits and uncommitted
/// data beyond what is common become a branch <c>NAME-DIVERGED-TIME</c> there, branches that never got there come under
/// their own names (design D9, contract 5.7). After it the copy here is a replica like any other. Every step may be repeated.
/// </summary>
/// <param name="giveBack">Asks the controlling node for the dot (<see cref="DotProtocol.GiveBack"/>).</param>
internal sealed class HandingIn(DotEnvironment env, IReplicaLink link, GiveBack giveBack)
{
    private const string Type = "diverged";

    private readonly ConcurrentDictionary<FilesystemId, bool> _offered = new();

    /// <summary>Whether the controlling node may fetch this filesystem here.</summary>
    public bool Offers(FilesystemId filesystem) => _offered.ContainsKey(filesystem);

    /// <summary>Refused as long as something here is not safe with the controlling node; then nothing here may be destroyed.</summary>
    public async Task<Outcome<Done>> Run(DotRow row, CancellationToken ct)
    {
        if (Own(row.Id).Count == 0)
        {
            return default(Done);
        }

        if (await env.Containers.Users(env.Index.OfDot(row.Id), ct) is { Length: > 0 } users)
        {
            return await AskBack(row, users, ct);
        }

        // from here on nobody writes: what is found is all there is
        foreach (var id in env.Index.OfDot(row.Id).Where(env.Index.IsMounted))
        {
            await env.Storage.Unmount(id, ct);
            env.Index.SetMounted(id, false);
        }

        var there = await Compared(row, ct);
        if (there.Refused(out var refusal) || (await SplitOff(row, there.Value, ct)).Refused(out refusal))
        {
            return refusal;
        }

        // one that arrived there but is in no directory yet is offered again, or nobody would ever take it up
        var known = there.Value.Filesystems.Select(holding => holding.Id).Where(id => env.Directory.FindFilesystem(id) is not null).ToHashSet();
        foreach (var filesystem in Own(row.Id).Where(filesystem => !known.Contains(filesystem.Id)))
        {
            if ((await Offer(row, filesystem, ct)).Refused(out refusal))
            {
                return refusal;
            }
        }

        foreach (var filesystem in Own(row.Id))
        {
            await env.SetLabels(filesystem.Id, filesystem.Labels! with { Replica = true, Epoch = row.Epoch }, ct);
        }

        return default(Done);
    }

    /// <summary>
    /// Containers here went on while this node was away. If the controlling node has nothing that is not here too, the dot comes back and
    /// nobody notices; if it has, nothing is done until they are stopped.
    /// </summary>
    /// <returns>Always a refusal: nothing was handed in.</returns>
    private async Task<Refusal> AskBack(DotRow row, string users, CancellationToken ct)
    {
        var there = await Compared(row, ct);
        var own = Own(row.Id).ToDictionary(filesystem => filesystem.Id);
        if (there.Refused(out var refusal))
        {
            return refusal;
        }

        if (there.Value.Filesystems.All(holding => own.GetValueOrDefault(holding.Id) is { } mine && ReplicaPlan.Agreed(holding, mine) == holding.Count))
        {
            ImmutableArray<SeenFilesystem> seen =
                [.. there.Value.Filesystems.Select(holding => new SeenFilesystem(holding.Id, holding.Count, holding.Commits.IsEmpty ? null : holding.Commits[^1].Id))];
            if (!(await giveBack(row.Id, seen, ct)).Refused(out refusal))
            {
                env.Log.LogInformation("dot {Dot} ({Name}): {Users} went on with it here, and node {Node} gave it back", row.Id, row.Name, users, row.Node);
                return new Refusal(RefusalCode.Conflict, $"Dot {row.Name} is controlled here again.");
            }
        }

        return new Refusal(
            RefusalCode.Conflict,
            $"{users} on this node's host still uses dot {row.Name}, which node {row.Node} controls now and does not give back "
            + $"({refusal?.Message ?? "it has commits that are not here"}): stop it, and what it wrote becomes a branch there.");
    }

    /// <summary>All that the controlling node has, with GUIDs, and what is here read freshly.</summary>
    private async Task<Outcome<DotHoldings>> Compared(DotRow row, CancellationToken ct)
    {
        await env.Refresh(env.Index.OfDot(row.Id), ct);
        var nothing = ImmutableSortedDictionary<string, KnownCommits>.Empty;
        return await link.Holdings(row.Node, new HoldingsQuery(row.Id, row.Epoch, nothing, Verify: true), ct);
    }

    /// <summary>What this node wrote as the controlling one, origins first.</summary>
    private List<StoredFilesystem> Own(FilesystemId dot)
    {
        var all = env.Index.OfDot(dot).Select(env.Index.Find).OfType<StoredFilesystem>().ToDictionary(filesystem => filesystem.Id);
        var originsFirst = DotDecisions.LeavesFirst(all.ToDictionary(pair => pair.Key, pair => pair.Value.Origin)).Reverse();
        return [.. originsFirst.Select(id => all[id]).Where(filesystem => filesystem.Labels is { Replica: false })];
    }

    /// <summary>Each filesystem that both have ends, here, where they part; what came after it lives on under a new id.</summary>
    private async Task<Outcome<Done>> SplitOff(DotRow row, DotHoldings there, CancellationToken ct)
    {
        var taken = row.Branches.Keys.ToHashSet(StringComparer.Ordinal);
        foreach (var filesystem in Own(row.Id))
        {
            if (there.Filesystems.FirstOrDefault(holding => holding.Id == filesystem.Id) is not { } holding)
            {
                continue;
            }

            var agreed = ReplicaPlan.Agreed(holding, filesystem);
            if (agreed == filesystem.Commits.Length && !await IsDirty(filesystem.Id, ct))
            {
                continue;
            }

            if (agreed == 0)
            {
                return new Refusal(
                    RefusalCode.Conflict,
                    $"Filesystem {filesystem.Id} of dot {row.Name} has nothing in common with the one on node {row.Node}. It is left "
                    + "alone here; an administrator has to say which is right (ForceBranchMasterById).");
            }

            var name = DotDecisions.StashName(filesystem.Labels!.Branch, env.Time.GetUtcNow(), taken.Contains);
            taken.Add(name);
            var id = new FilesystemId(env.Ids.NewId());
            var at = filesystem.Commits[agreed - 1].Id;
            env.Log.LogWarning("dot {Dot} ({Name}): {Commits} commits after {Commit} and what was not committed are only here; they become {Branch}",
                row.Id, row.Name, filesystem.Commits.Length - agreed, at, name);
            var labels = filesystem.Labels with { Branch = name, Collaborators = ImmutableSortedDictionary<string, string>.Empty };
            try
            {
                await env.Storage.Stash(filesystem.Id, at, id, labels, ct);
            }
            finally
            {
                // also when it broke off: what nobody knows of is not handed in
                await env.Refresh(env.Index.OfDot(row.Id).Append(id), env.Stopping);
            }
        }

        return default(Done);
    }

    private async Task<bool> IsDirty(FilesystemId id, CancellationToken ct) =>
        (await env.Storage.Usage([id], ct)).GetValueOrDefault(id) is { DirtyBytes: > 0 };

    private async Task<Outcome<Done>> Offer(DotRow row, StoredFilesystem filesystem, CancellationToken ct)
    {
        if (filesystem.Origin is not { } origin)
        {
            return new Refusal(
                RefusalCode.Conflict, $"Filesystem {filesystem.Id} of dot {row.Name} is not on node {row.Node} and starts nowhere there.");
        }

        if (env.Index.Commits(filesystem.Id).LastOrDefault()?.Metadata["type"] != Type)
        {
            // takes what was not committed with it, and says where the branch comes from
            var metadata = new CommitMetadata(
            [
                KeyValuePair.Create("type", Type),
                KeyValuePair.Create("message", $"What node {env.Node} had that node {row.Node} had not"),
                KeyValuePair.Create("author", "system"),
                KeyValuePair.Create("diverged-node", env.Node.Value),
                KeyValuePair.Create("diverged-epoch", filesystem.Labels!.Epoch.ToString(CultureInfo.InvariantCulture)),
            ]);
            env.Index.Append(
                filesystem.Id,
                await env.Storage.Commit(filesystem.Id, new CommitId(env.Ids.NewId()), metadata.Stamped(env.Time.GetUtcNow()), ct));
        }

        await env.Storage.Unmount(filesystem.Id, ct);
        env.Index.SetMounted(filesystem.Id, false);
        _offered[filesystem.Id] = true;
        try
        {
            return await link.HandIn(
                row.Node,
                new HandInRequest(
                    row.Id, row.Epoch, env.Node, filesystem.Id, filesystem.Labels!, origin, env.Index.Newest(filesystem.Id)),
                ct);
        }
        finally
        {
            _offered.TryRemove(filesystem.Id, out _);
        }
    }
}
