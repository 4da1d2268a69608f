using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Gateway;

/// <summary>What is answered from memory and by pools, this node's or the controlling node's.</summary>
internal sealed partial class DotsFacade
{
    public Task<Outcome<ImmutableArray<StoredCommit>>> Commits(DotTarget target, CancellationToken ct) => views.Commits(target, ct);

    public Task<Outcome<ImmutableArray<MeasuredCommit>>> CommitSizes(DotTarget target, CancellationToken ct) => views.CommitSizes(target, ct);

    public Task<IReadOnlyList<DotView>> View(IReadOnlyCollection<DotTarget> targets, CancellationToken ct) => views.View(targets, ct);

    public Task<Outcome<ImmutableSortedDictionary<string, ImmutableArray<CommitId>>>> ReplicationLag(
        DotTarget target, CancellationToken ct) => views.Lag(target, ct);

    public Task<IReadOnlyList<NodeReport>> DescribeNodes(CancellationToken ct) => views.Describe(ct);

    public async Task<ImmutableSortedDictionary<string, string>> DumpState(string prefix, CancellationToken ct)
    {
        var dump = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        dump.AddRange(await views.Dump(env.Node, "", ct));
        dump["myNodeId"] = env.Node.Value;
        dump["directory.dots"] = env.Directory.Dots.Count.ToString(CultureInfo.InvariantCulture);
        foreach (var node in Nodes)
        {
            dump[$"serverAddressesCache.{node.Id}"] = string.Join(',', node.Addresses);
        }

        foreach (var row in env.Directory.Dots)
        {
            dump[$"registry.TopLevelFilesystems.{row.Name}.MasterBranch.id"] = row.Id.Value;
            dump[$"registry.TopLevelFilesystems.{row.Name}.status"] = $"{row.Status}";
            dump[$"mastersCache.{row.Id}"] = row.Node.Value;
            foreach (var branch in row.Branches.Values)
            {
                dump[$"registry.Clones.{row.Id}.{branch.Name}.id"] = branch.Id.Value;
            }
        }

        return dump
            .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToImmutableSortedDictionary(StringComparer.Ordinal);
    }
}
