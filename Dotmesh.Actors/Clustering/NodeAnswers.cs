using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Clustering;

/// <summary>What this node knows of its pool, from memory, and what it asks the pool.</summary>
internal sealed class NodeAnswers(DotEnvironment env, Func<CancellationToken, Task<bool>> databaseAnswers) : INodeAnswers
{
    /// <summary>Shorter than whoever asks for a description waits.</summary>
    private static readonly TimeSpan DatabaseLimit = TimeSpan.FromSeconds(1);

    public ImmutableArray<StoredCommit> Commits(FilesystemId filesystem) => env.Index.Commits(filesystem);

    public async Task<Outcome<ImmutableArray<MeasuredCommit>>> CommitSizes(FilesystemId filesystem, CancellationToken ct)
    {
        try
        {
            var sizes = await env.Storage.CommitSizes(filesystem, ct);
            // the index has the order
            return env.Index.Commits(filesystem).Where(commit => sizes.ContainsKey(commit.Id))
                .Select(commit => new MeasuredCommit(commit.Id, sizes[commit.Id])).ToImmutableArray();
        }
        catch (StorageException failure)
        {
            return Refusals.From(failure);
        }
    }

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

    public async Task<NodeDescription> Describe(CancellationToken ct)
    {
        var database = HasDatabase(ct);
        var pool = await env.Storage.Pool(ct);
        return new NodeDescription(ProductVersion.Text, Driver(env.Storage.Capabilities), env.Index.Filesystems, pool, await database);
    }

    private async Task<bool> HasDatabase(CancellationToken ct)
    {
        try
        {
            return await databaseAnswers(ct).WaitAsync(DatabaseLimit, env.Time, ct);
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static string Driver(StorageCapabilities storage) =>
        storage.Version.StartsWith(storage.Driver, StringComparison.OrdinalIgnoreCase) ? storage.Version : $"{storage.Driver} {storage.Version}";

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
