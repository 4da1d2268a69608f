using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Commands;
using Dotmesh.Actors.Storage.Directory;
using Dotmesh.Actors.Storage.Zfs;
using Dotmesh.Node.Options;

namespace Dotmesh.Node.Hosting;

/// <summary>Opens the storage driver that the options name, and logs what it can do.</summary>
internal static class StorageOpening
{
    public static async Task<IStorage> Open(
        StorageOptions options, CommandRunner runner, Faults faults, TimeProvider clock, ILoggerFactory logs, CancellationToken ct)
    {
        IStorage storage = options.Driver == StorageDriver.Zfs
            ? await ZfsStorage.Open(
                new ZfsStorageOptions(options.Pool, options.MountPrefix)
                {
                    ZfsRoot = options.ZfsRoot.Length == 0 ? null : options.ZfsRoot,
                },
                runner, faults, clock, logs, ct)
            : await DirectoryStorage.Open(
                new DirectoryStorageOptions { Root = options.Root, MountPrefix = options.MountPrefix }, faults, clock, logs, ct);
        var capabilities = storage.Capabilities;
        logs.CreateLogger("Dotmesh.Storage").LogInformation(
            "Storage {Driver} ({Version}), streams {StreamFormat}: {Features}",
            capabilities.Driver,
            capabilities.Version,
            capabilities.StreamFormat,
            string.Join(", ", capabilities.Features.Select(feature => feature.Value ? feature.Key : $"no {feature.Key}")));
        return storage;
    }
}
