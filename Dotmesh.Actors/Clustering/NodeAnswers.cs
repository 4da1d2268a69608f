using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Clustering;

/// <summary>What this node knows of its pool, from memory.</summary>
internal sealed class NodeAnswers(DotEnvironment env) : INodeAnswers
{
    public ImmutableArray<StoredCommit> Commits(FilesystemId filesystem) => env.Index.Commits(filesystem);

    public async Task<ImmutableArray<FilesystemReport>> Reports(ImmutableArray<FilesystemId> filesystems, CancellationToken ct)
    {
        var here = filesystems.Where(env.Index.Contains).ToList();
        var usage = await env.Usage.Get(here, ct);
        var running = env.Containers.Running();
        return
        [
            .. here.Select(id =>
            {
                var size = usage.GetValueOrDefault(id) ?? new FilesystemUsage(0, 0);
                return new FilesystemReport(
                    id, env.States.View(id), env.Index.Count(id), env.Index.Newest(id), size.SizeBytes, size.DirtyBytes)
                {
                    Containers = [.. running[id]],
                };
            }),
        ];
    }

    public ImmutableSortedDictionary<string, string> Dump(string prefix)
    {
        var dump = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        dump["storage"] = $"{env.Storage.Capabilities.Driver} {env.Storage.Capabilities.Version}";
        dump["poolIndex.filesystems"] = Text(env.Index.Filesystems);
        foreach (var id in env.Index.All)
        {
            var view = env.States.View(id);
            dump[$"filesystems.{id}.currentState"] = view.State;
            dump[$"filesystems.{id}.status"] = view.Status;
            dump[$"globalSnapshotCache.{env.Node}.{id}.count"] = Text(env.Index.Count(id));
        }

        return dump.Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    public async Task<NodeDescription> Describe(CancellationToken ct) => new(
        ProductVersion.Text, Driver(env.Storage.Capabilities), env.Index.Filesystems, await env.Storage.Pool(ct));

    private static string Driver(StorageCapabilities storage) =>
        storage.Version.StartsWith(storage.Driver, StringComparison.OrdinalIgnoreCase) ? storage.Version : $"{storage.Driver} {storage.Version}";

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
