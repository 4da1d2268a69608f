using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors.Storage.Commands;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// The <c>zfs</c> driver (design D4, D5): OpenZFS 0.8 and later, and zfs-fuse 0.7. Filesystems are the datasets
/// <c>POOL/dmfs/ID</c>. What an operation of several steps has begun is noted on the dataset itself, or is seen by the
/// name of its temporary, so that <see cref="Recover"/> needs nothing else to finish it.
/// </summary>
public sealed partial class ZfsStorage : IStorage
{
    private readonly ZfsTool _tool;
    private readonly ZfsNames _names;
    private readonly ZfsMounts _mounts;
    private readonly ZfsFeatures _features;
    private readonly Faults _faults;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    private ZfsStorage(ZfsTool tool, ZfsNames names, ZfsFeatures features, Faults faults, TimeProvider time, ILogger log)
    {
        (_tool, _names, _features, _faults, _time, _log) = (tool, names, features, faults, time, log);
        _mounts = new ZfsMounts(tool, names, features.Kernel, new MountProbe(time));
    }

    public StorageCapabilities Capabilities => _features.Capabilities;

    /// <summary>Finds out what the pool can do and makes the parent dataset when it is missing.</summary>
    public static async Task<ZfsStorage> Open(
        ZfsStorageOptions options, CommandRunner runner, Faults faults, TimeProvider time, ILoggerFactory log, CancellationToken ct)
    {
        var tool = new ZfsTool(runner, options.Pool, options.ZfsRoot, time);
        var names = new ZfsNames(options.Pool, Path.GetFullPath(options.MountPrefix));
        var features = await ZfsFeatures.Detect(tool, options.Pool, ct);
        tool.Detected(features.Kernel, names.Parent);
        var parent = await tool.TryZfs(["get", "-Hp", "-o", "value", "mountpoint,readonly", names.Parent], ct);
        var told = parent.Stdout.Split('\n', StringSplitOptions.TrimEntries);
        if (parent.ExitCode != 0)
        {
            await tool.Zfs(["create", "-o", "mountpoint=legacy", "-o", "atime=off", names.Parent], ct);
        }
        else if (told[0] != "legacy")
        {
            throw new StorageException(StorageFailure.PoolIncompatible,
                $"{names.Parent} has mountpoint={told[0]}; it has to be legacy (zfs set mountpoint=legacy {names.Parent}).");
        }

        if (told.ElementAtOrDefault(1) == "on")
        {
            // by a process that was cut off and ended so
            await tool.Zfs(["set", "readonly=off", names.Parent], ct);
        }

        System.IO.Directory.CreateDirectory(names.Mounts);
        var own = log.CreateLogger<ZfsStorage>();
        LogOpened(own, options.Pool, features.Capabilities.Version,
            string.Join(", ", features.Capabilities.Features.Where(f => f.Value).Select(f => f.Key)));
        return new ZfsStorage(tool, names, features, faults, time, own);
    }

    public async Task<PoolInfo> Pool(CancellationToken ct)
    {
        var guid = (await _tool.Zpool(["get", .. _features.Kernel ? ["-Hp"] : Array.Empty<string>(), "guid", _names.Pool], ct))
            .Split(['\n', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries)
            .SkipWhile(word => word != "guid").ElementAtOrDefault(1);
        var health = (await _tool.Zpool(["list", "-H", "-o", "health", _names.Pool], ct)).Trim();
        var sizes = (await _tool.Zfs(["get", "-Hp", "-o", "value", "used,available", _names.Pool], ct)).Split('\n');
        if (!ulong.TryParse(guid, NumberStyles.None, CultureInfo.InvariantCulture, out var id) || sizes.Length < 2
            || !long.TryParse(sizes[0], NumberStyles.None, CultureInfo.InvariantCulture, out var used)
            || !long.TryParse(sizes[1], NumberStyles.None, CultureInfo.InvariantCulture, out var free)
            || health.Length == 0 || !health.All(char.IsAsciiLetter))
        {
            throw new StorageException(StorageFailure.Unexpected,
                $"zpool and zfs told no GUID, health or size of the pool '{_names.Pool}'. Are they the programs of this system? Try again.");
        }

        return new PoolInfo(StorageNodeId.FromGuid(id), _names.Pool, used + free, free, health);
    }

    public async Task<IReadOnlyList<StoredFilesystem>> List(CancellationToken ct)
    {
        var mounts = SystemMounts.Read();
        var result = new List<StoredFilesystem>();
        foreach (var dataset in (await Inventory(ct)).Datasets.Values)
        {
            if (_names.FilesystemOf(dataset.Name) is { } id)
            {
                result.Add(await Stored(id, dataset, mounts, ct));
            }
        }

        return result;
    }

    public async Task<StoredFilesystem?> Find(FilesystemId id, CancellationToken ct) =>
        await Dataset(_names.Dataset(id), ct, guids: true) is { } dataset ? await Stored(id, dataset, SystemMounts.Read(), ct) : null;

    public async Task<string> Mount(FilesystemId id, CancellationToken ct)
    {
        var path = _names.PathOf(id);
        if (SystemMounts.At(path) == _names.Dataset(id) && await _mounts.IsAlive(path, ct))
        {
            return path;
        }

        try
        {
            return await _mounts.Mount(id, ct);
        }
        catch (StorageException missing) when (missing.Failure == StorageFailure.NotFound)
        {
            throw NoFilesystem(id);
        }
    }

    public Task Unmount(FilesystemId id, CancellationToken ct) => _mounts.Unmount(id, ct);

    public Task<string> MountCommit(FilesystemId id, CommitId commit, CancellationToken ct) =>
        _mounts.MountCommit(id, commit, ct);

    public async Task<bool> SetWritable(bool writable, CancellationToken ct)
    {
        // the filesystems inherit it, those that are mounted at once
        await _tool.Zfs(["set", writable ? "readonly=off" : "readonly=on", _names.Parent], ct);
        return true;
    }

    public ValueTask DisposeAsync()
    {
        _keptTurn.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task<ZfsInventory> Inventory(CancellationToken ct) => Inventory(_names.Parent, ct);

    /// <summary>The whole pool, or one dataset, in two commands, whatever the number of commits.</summary>
    private Task<ZfsInventory> Inventory(string dataset, CancellationToken ct) => _tool.Reading(
        async () =>
        {
            var inventory = await Native(dataset, ct);
            await _tool.Lines(["get", "-Hp", "-r", "-s", "local,received", "-o", "name,property,value,source", "all", dataset],
                inventory.ReadUser, ct);
            return inventory;
        },
        ct);

    /// <summary>What the pool itself knows: names, ids, times and origins, and none of our properties.</summary>
    private async Task<ZfsInventory> Native(string dataset, CancellationToken ct)
    {
        var inventory = new ZfsInventory();
        var native = _features.Kernel ? "guid,createtxg,creation,origin" : "guid,creation,origin";
        await _tool.Lines(["get", "-Hp", "-r", "-o", "name,property,value", native, dataset], inventory.ReadNative, ct);
        return inventory.Whole(dataset, guids: true);
    }

    /// <summary>
    /// One dataset with its snapshots; null when there is none. In one command, which also prints what nobody asked for: for few
    /// lines that costs less than a second process. zfs-fuse does not count the GUID among "all".
    /// </summary>
    /// <param name="guids">False: they may be 0.</param>
    private Task<ZfsDataset?> Dataset(string name, CancellationToken ct, bool guids = false) => IfThere(
        guids && !_features.Kernel ? InInventory(name, ct) : _tool.Reading(
            async () =>
            {
                var inventory = new ZfsInventory();
                await _tool.Lines(["get", "-Hp", "-r", "-s", "local,received,none", "-o", "name,property,value,source", "all", name],
                    inventory.ReadAny, ct);
                return inventory.Whole(name, _features.Kernel)[name];
            },
            ct));

    private async Task<ZfsDataset?> InInventory(string name, CancellationToken ct) => (await Inventory(name, ct))[name];

    private static async Task<ZfsDataset?> IfThere(Task<ZfsDataset?> reading)
    {
        try
        {
            return await reading;
        }
        catch (StorageException missing) when (missing.Failure == StorageFailure.NotFound)
        {
            return null;
        }
    }

    private async Task<ZfsDataset> Require(FilesystemId id, CancellationToken ct) =>
        await Dataset(_names.Dataset(id), ct)
        ?? throw NoFilesystem(id);

    private StorageException NoFilesystem(FilesystemId id) =>
        new(StorageFailure.NotFound, $"There is no filesystem {id} in pool {_names.Pool}.");

    private async Task<StoredFilesystem> Stored(
        FilesystemId id, ZfsDataset dataset, Dictionary<string, string> mounts, CancellationToken ct)
    {
        var root = _names.PathOf(id);
        var mounted = mounts.TryGetValue(root, out var source) && source == dataset.Name;
        if (!mounted && (dataset.Local.ContainsKey(ZfsProperties.Unread)
            || dataset.Snapshots.Any(s => s.Properties.ContainsKey(ZfsProperties.InFile))))
        {
            // one mount of the filesystem in place of one for each commit
            await _mounts.Mount(id, ct);
            mounted = true;
        }

        var files = mounted && dataset.Snapshots.Count > 0 ? MetadataFiles.Ids(root) : [];
        var commits = ImmutableArray.CreateBuilder<StoredCommit>(dataset.Snapshots.Count);
        foreach (var snapshot in dataset.Snapshots)
        {
            var commit = new CommitId(snapshot.Name);
            var metadata = ZfsProperties.Metadata(snapshot.Properties);
            var file = files.Contains(snapshot.Name) ? MetadataFiles.Read(root, commit) : null;
            if (file is null && snapshot.Properties.ContainsKey(ZfsProperties.InFile))
            {
                // removed by a user: the commit itself has it
                file = MetadataFiles.Read(await _mounts.MountCommit(id, commit, ct), commit);
            }

            commits.Add(new StoredCommit(commit, snapshot.Guid, DateTimeOffset.FromUnixTimeSeconds(snapshot.Created),
                file is null ? metadata : new CommitMetadata(metadata.Concat(file))));
        }

        var origin = dataset.Origin is null ? null : _names.CommitOf(dataset.Origin);
        return new StoredFilesystem(id, origin, ZfsProperties.Labels(dataset.Local), mounted, commits.DrainToImmutable());
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Pool {Pool} is open: {Version}; it can: {Features}")]
    private static partial void LogOpened(ILogger log, string pool, string version, string features);
}
