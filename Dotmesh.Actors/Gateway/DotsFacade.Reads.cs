using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Gateway;

/// <summary>What is answered from memory.</summary>
internal sealed partial class DotsFacade
{
    public Task<Outcome<ImmutableArray<StoredCommit>>> Commits(DotTarget target, CancellationToken ct) =>
        Task.FromResult<Outcome<ImmutableArray<StoredCommit>>>(env.Index.Commits(target.Filesystem));

    public async Task<IReadOnlyList<DotView>> View(IReadOnlyCollection<DotTarget> targets, CancellationToken ct)
    {
        var usage = await env.Usage.Get(
            [.. targets.Select(target => target.Filesystem).Where(env.Index.Contains)], ct);
        return
        [
            .. targets.Select(target =>
            {
                var size = usage.GetValueOrDefault(target.Filesystem) ?? new FilesystemUsage(0, 0);
                return new DotView(
                    target, size.SizeBytes, size.DirtyBytes, env.Index.Count(target.Filesystem),
                    ImmutableSortedDictionary<string, ServerView>.Empty
                        .Add(env.Node.Value, env.States.View(target.Filesystem)));
            }),
        ];
    }

    public Task<Outcome<ImmutableSortedDictionary<string, ImmutableArray<CommitId>>>> ReplicationLag(
        DotTarget target, CancellationToken ct) =>
        Task.FromResult<Outcome<ImmutableSortedDictionary<string, ImmutableArray<CommitId>>>>(
            ImmutableSortedDictionary<string, ImmutableArray<CommitId>>.Empty.Add(target.Dot.Node.Value, []));

    public Task<ImmutableSortedDictionary<string, string>> DumpState(string prefix, CancellationToken ct)
    {
        var dump = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        dump["myNodeId"] = env.Node.Value;
        dump["storage"] = $"{env.Storage.Capabilities.Driver} {env.Storage.Capabilities.Version}";
        dump["poolIndex.filesystems"] = Text(env.Index.Filesystems);
        dump["directory.dots"] = Text(env.Directory.Dots.Count);
        foreach (var node in Nodes)
        {
            dump[$"serverAddressesCache.{node.Id}"] = string.Join(',', node.Addresses);
        }

        foreach (var row in env.Directory.Dots)
        {
            dump[$"registry.TopLevelFilesystems.{row.Name}.MasterBranch.id"] = row.Id.Value;
            dump[$"registry.TopLevelFilesystems.{row.Name}.status"] = $"{row.Status}";
            dump[$"mastersCache.{row.Id}"] = row.Node.Value;
            Filesystem(row.Id);
            foreach (var branch in row.Branches.Values)
            {
                dump[$"registry.Clones.{row.Id}.{branch.Name}.id"] = branch.Id.Value;
                Filesystem(branch.Id);
            }
        }

        return Task.FromResult(dump
            .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToImmutableSortedDictionary(StringComparer.Ordinal));

        void Filesystem(FilesystemId id)
        {
            var view = env.States.View(id);
            dump[$"filesystems.{id}.currentState"] = view.State;
            dump[$"filesystems.{id}.status"] = view.Status;
            dump[$"globalSnapshotCache.{env.Node}.{id}.count"] = Text(env.Index.Count(id));
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
