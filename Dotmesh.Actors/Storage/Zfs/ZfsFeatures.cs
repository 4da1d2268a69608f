using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>What was found at start (design D4).</summary>
/// <param name="Kernel">OpenZFS in the kernel; else zfs-fuse.</param>
internal sealed record ZfsFeatures(bool Kernel, StorageCapabilities Capabilities)
{
    /// <summary>The stream format of both kinds of pool; a pool refuses a stream of features that it does not have.</summary>
    public const string StreamFormat = "dotmesh-zfs-1";

    public static async Task<ZfsFeatures> Detect(ZfsTool tool, string pool, CancellationToken ct)
    {
        // asked first, because its complaint is the clear one when the pool or the tools are missing
        await tool.Zfs(["get", "-Hp", "-o", "value", "guid", pool], ct);
        var written = (await tool.TryZfs(["get", "-Hp", "-o", "value", "written", pool], ct)).ExitCode == 0;
        var version = await tool.TryZfs(["version"], ct);
        var kernel = written && version.ExitCode == 0;
        var found = version.ExitCode == 0
            ? version.Stdout.Split('\n')[0].Replace("zfs-", "OpenZFS ", StringComparison.Ordinal)
            : $"zfs-fuse pool version {(await tool.TryZfs(["get", "-H", "-o", "value", "version", pool], ct)).Stdout.Trim()}";
        if (!kernel && version.ExitCode == 0)
        {
            throw new StorageException(StorageFailure.PoolIncompatible, $"{found}: at least OpenZFS 0.8 is needed.");
        }

        var features = new Dictionary<string, bool>(StringComparer.Ordinal)
        {
            ["createtxg"] = kernel,
            [StorageCapabilities.ClosesToWriters] = true,
            ["mounts at the same time"] = kernel,
            ["mount -t zfs"] = kernel,
            ["send -n"] = kernel,
            ["receive -x"] = kernel,
            ["written"] = written,
            // zfs-fuse answers EOPNOTSUPP and EOVERFLOW
            [StorageCapabilities.ExtendedAttributes] = kernel,
            [StorageCapabilities.FarTimes] = kernel,
        };
        return new ZfsFeatures(kernel, new("zfs", found, StreamFormat, features.ToImmutableSortedDictionary(StringComparer.Ordinal))
        {
            PlainStreams = true,
        });
    }
}
