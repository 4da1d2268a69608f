using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Replication;

namespace Dotmesh.Actors.Gateway;

/// <summary>How far the copies of a dot are.</summary>
internal sealed partial class NodeViews
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>What each live node lacks of a branch (contract 2.4); a node that does not answer is left out.</summary>
    public async Task<Outcome<ImmutableSortedDictionary<string, ImmutableArray<CommitId>>>> Lag(DotTarget target, CancellationToken ct)
    {
        var commits = await Commits(target, ct);
        if (commits.Refused(out var refusal))
        {
            return refusal;
        }

        var ids = commits.Value.Select(commit => commit.Id).ToImmutableArray();
        var held = await Held(target, ct);
        return held.ToImmutableSortedDictionary(
            node => node.Key.Value,
            node => node.Value?.Newest is { } newest ? ids[(ids.IndexOf(newest) + 1)..] : ids,
            StringComparer.Ordinal);
    }

    /// <summary>Said before anything is done: with so few nodes the copies cannot be made.</summary>
    public Refusal? TooFewNodes(DotRow row)
    {
        var (live, required) = (members.Live.Count, Required(row));
        return live >= required
            ? null
            : new Refusal(
                RefusalCode.Unavailable,
                $"Durability replicated needs {required} nodes for dot {row.Name}, and {live} is up. Nothing was done; commit with durability "
                + "local, or try again when more nodes are up.");
    }

    /// <summary>
    /// Answers when enough nodes have the commit. Who controls the dot may change meanwhile, so each node is asked what it
    /// holds, at once and then from time to time; nothing waits where it could be forgotten.
    /// </summary>
    public async Task<Outcome<Done>> AwaitCopies(DotTarget target, CommitId commit, CancellationToken ct)
    {
        var (copies, required) = (1, Required(target.Dot));
        var pause = FirstPause;
        var end = env.Time.GetUtcNow() + settings.Deadline - TimeSpan.FromSeconds(2);
        while (env.Time.GetUtcNow() < end)
        {
            var order = await Commits(target, ct);
            if (order.Refusal is null)
            {
                var ids = order.Value.Select(known => known.Id).ToImmutableArray();
                var at = ids.IndexOf(commit);
                var held = await Held(target, ct);
                copies = at < 0 ? 0 : held.Values.Count(copy => copy?.Newest is { } newest && ids.IndexOf(newest) >= at);
                if (copies >= required)
                {
                    return default(Done);
                }
            }

            await Task.Delay(pause, env.Time, ct);
            pause = pause < LongestPause ? pause * 2 : LongestPause;
        }

        return new Refusal(
            RefusalCode.Expired,
            $"The commit {commit} exists on node {target.Dot.Node}, but only {copies} of {required} copies had it before the deadline. It is "
            + "copied as soon as the other nodes answer.");
    }

    /// <summary>With <c>all</c>: every node that is up, and never this one alone.</summary>
    private int Required(DotRow row)
    {
        var copies = row.Copies > 0 ? row.Copies : cluster?.Replication.Copies ?? 1;
        return copies > 0 ? copies : Math.Max(2, members.Live.Count);
    }

    /// <summary>What a node holds of the filesystems of some dots.</summary>
    public Task<Outcome<ImmutableArray<HeldFilesystem>>> Held(StorageNodeId node, DotRow row, CancellationToken ct) => Held(node, [row], ct);

    /// <inheritdoc cref="Held(StorageNodeId, DotRow, CancellationToken)"/>
    public Task<Outcome<ImmutableArray<HeldFilesystem>>> Held(StorageNodeId node, IReadOnlyCollection<DotRow> rows, CancellationToken ct) =>
        Held(node, (ImmutableArray<FilesystemId>)[.. rows.SelectMany(row => row.Filesystems)], ct);

    private async Task<Outcome<ImmutableArray<HeldFilesystem>>> Held(
        StorageNodeId node, ImmutableArray<FilesystemId> ids, CancellationToken ct) =>
        node == env.Node || cluster is null
            ? ids.Where(env.Index.Contains).Select(id => HeldFilesystem.Of(id, env.Index)).ToImmutableArray()
            : await Within(limited => cluster.Replicas.Held(node, ids, limited), node, ct);

    /// <summary>By live node; a null value: it has no copy.</summary>
    private async Task<Dictionary<StorageNodeId, HeldFilesystem?>> Held(DotTarget target, CancellationToken ct)
    {
        var asked = await Task.WhenAll(members.Live.Keys.Append(env.Node).Distinct().Select(async node => (
            Node: node, Held: await Held(node, [target.Filesystem], ct))));
        return asked.Where(answer => answer.Held.Refusal is null)
            .ToDictionary(answer => answer.Node, answer => answer.Held.Value.IsEmpty ? null : answer.Held.Value[0]);
    }
}
