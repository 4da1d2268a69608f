using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dotmesh.Actors.Storage.Posix;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>The open pool: its folders, its lock and what all operations share.</summary>
internal sealed class PoolFolder : IDisposable
{
    private const int Format = 1;

    private readonly Handle _lock;
    private int _disposed;

    private PoolFolder(string root, string mountPrefix, int cachedEntries, Handle pidLock, Faults faults, TimeProvider time, ILogger log)
    {
        Root = root;
        MountPrefix = mountPrefix;
        _lock = pidLock;
        Heads = new HeadCache(cachedEntries);
        Faults = faults;
        Time = time;
        Log = log;
    }

    internal string Root { get; }

    internal string MountPrefix { get; }

    internal ulong Guid { get; private set; }

    /// <summary>Whether views of commits are read-only mounts; an ordinary user needs none to be kept from writing.</summary>
    internal bool MountsReadOnly { get; private set; }

    /// <summary>
    /// Filesystems on which an operation failed between two of its last steps; their intents are there, and the next
    /// operation mends them first. Only full disks and broken ones bring this about.
    /// </summary>
    internal ConcurrentDictionary<string, bool> Unfinished { get; } = new(StringComparer.Ordinal);

    internal Faults Faults { get; }

    internal TimeProvider Time { get; }

    internal ILogger Log { get; }

    internal HeadCache Heads { get; }

    internal KeyedLocks Locks { get; } = new();

    /// <summary>Origins of those filesystems that have one, so that dependents are found without reading the pool.</summary>
    internal ConcurrentDictionary<string, OriginInfo> Origins { get; } = new(StringComparer.Ordinal);

    internal string Filesystems => $"{Root}/fs";

    internal string Temporary => $"{Root}/tmp";

    internal string Intents => $"{Root}/intents";

    /// <summary>See <see cref="KeptContents"/>.</summary>
    internal string Kept => $"{Root}/kept";

    internal string Mounts => $"{MountPrefix}/dmfs";

    internal static PoolFolder Open(DirectoryStorageOptions options, Faults faults, TimeProvider time, ILogger log)
    {
        if (!Linux.IsSupported)
        {
            throw new StorageException(
                StorageFailure.Unsupported, "The directory storage driver runs on Linux on x64 and arm64 only");
        }

        var root = Path.GetFullPath(options.Root).TrimEnd('/');
        var mounts = Path.GetFullPath(options.MountPrefix ?? $"{root}/mnt").TrimEnd('/');
        MakeFolders(root);
        var pool = new PoolFolder(root, mounts, options.CachedEntries, Lock(root), faults, time, log);
        try
        {
            foreach (var folder in new[] { pool.Filesystems, pool.Temporary, pool.Intents, pool.Kept })
            {
                PoolFiles.MakeFolder(folder);
            }

            MakeFolders(pool.Mounts);
            pool.Guid = ReadOrMakeGuid($"{root}/pool.json");
            Views.UnmountAll(pool);
            pool.MountsReadOnly = Libc.geteuid() == 0 && Views.CanMountReadOnly(pool.Temporary);
            return pool;
        }
        catch
        {
            pool.Dispose();
            throw;
        }
    }

    internal FilesystemFolder Folder(string id) => new($"{Filesystems}/{id}");

    internal string IntentOf(string id) => $"{Intents}/{id}";

    /// <summary>Keeps an intent for <see cref="Recovery"/>: the operation cannot be taken back any more.</summary>
    internal void LeaveUnfinished(string id, string operation)
    {
        Heads.Drop(id);
        Unfinished[id] = true;
        Log.LogUnfinished(operation, id);
    }

    internal string MountOf(string id) => $"{Mounts}/{id}";

    internal string MountOf(string id, string commit) => $"{Mounts}/{id}@{commit}";

    internal IEnumerable<string> DependentsOf(string id) =>
        Origins.Where(o => o.Value.Filesystem == id).Select(o => o.Key);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        try
        {
            Views.UnmountAll(this);
        }
        finally
        {
            _lock.Dispose();
        }
    }

    private static void MakeFolders(string path)
    {
        if (path.Length == 0 || PoolFiles.Exists(path))
        {
            return;
        }

        MakeFolders(Path.GetDirectoryName(path) ?? "");
        PoolFiles.MakeFolder(path);
    }

    private static Handle Lock(string root)
    {
        var path = $"{root}/lock";
        var file = Handle.Open(path, Linux.ReadWrite | Linux.Create, 0x1A4);
        if (!file.TryLock())
        {
            var buffer = new byte[32];
            var owner = Encoding.ASCII.GetString(buffer, 0, file.ReadFully(buffer)).Trim();
            file.Dispose();
            throw new StorageException(
                StorageFailure.Busy,
                $"The pool {root} is in use by process {owner}: stop that node, or give this one another folder");
        }

        file.Truncate(0, path);
        file.Write(Encoding.ASCII.GetBytes($"{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}\n"), path);
        return file;
    }

    private static ulong ReadOrMakeGuid(string path)
    {
        if (PoolFiles.TryRead(path) is not { } bytes)
        {
            var guid = NewGuid();
            var made = new PoolDescription(Format, guid.ToString("x", CultureInfo.InvariantCulture));
            PoolFiles.Replace(path, JsonSerializer.SerializeToUtf8Bytes(made, DirectoryJson.Default.PoolDescription));
            return guid;
        }

        try
        {
            var read = JsonSerializer.Deserialize(bytes, DirectoryJson.Default.PoolDescription);
            if (read is { Format: Format }
                && ulong.TryParse(read.Guid, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var guid))
            {
                return guid;
            }

            throw new StorageException(
                StorageFailure.PoolIncompatible,
                $"{path} is of format {read?.Format}, this node knows {Format}: use the version that made it");
        }
        catch (JsonException broken)
        {
            throw new StorageException(
                StorageFailure.PoolIncompatible, $"{path} is not the description of a pool: {broken.Message}", broken);
        }
    }

    /// <summary>A random number other than 0.</summary>
    internal static ulong NewGuid()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes) | 1;
    }
}
