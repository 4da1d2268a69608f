namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// How filesystems and commits get their paths. With a kernel module the datasets are mountpoint=legacy and mounted by
/// system call; zfs-fuse mounts only by its own property, and shows a commit as a read-only clone.
/// </summary>
internal sealed partial class ZfsMounts(ZfsTool tool, ZfsNames names, bool kernel, MountProbe probe)
{
    /// <summary>For create and clone: without a kernel module the dataset is mounted by the same command.</summary>
    public IEnumerable<string> CreateOptions(FilesystemId id) =>
        kernel ? [] : ["-o", $"mountpoint={names.PathOf(id)}"];

    public bool IsMounted(FilesystemId id) => SystemMounts.At(names.PathOf(id)) is not null;

    public async Task<string> Mount(FilesystemId id, CancellationToken ct)
    {
        var path = names.PathOf(id);
        if (SystemMounts.At(path) is { } source)
        {
            if (source == names.Dataset(id) && await IsAlive(path, ct))
            {
                return path;
            }

            // a daemon that is gone, or another dataset: nothing can be served from there
            SystemMounts.Unmount(path, detach: true);
        }

        if (kernel)
        {
            MountInKernel(id, path);
            return path;
        }

        // set only when needed: a full pool takes no properties, but mounts
        var there = (await tool.Zfs(["get", "-Hp", "-o", "value", "mountpoint", names.Dataset(id)], ct)).Trim();
        System.IO.Directory.CreateDirectory(path);
        if (there != path)
        {
            await tool.Zfs(["set", $"mountpoint={path}", names.Dataset(id)], ct);
        }

        if (SystemMounts.At(path) is null)
        {
            // it may have been unmounted, or received into, a moment ago
            await tool.UnmountedZfs(["mount", names.Dataset(id)], ct);
        }

        return path;
    }

    public async Task Unmount(FilesystemId id, CancellationToken ct)
    {
        var path = names.PathOf(id);
        if (SystemMounts.At(path) is null)
        {
            return;
        }

        try
        {
            if (kernel)
            {
                SystemMounts.Unmount(path);
            }
            else if (!await IsAlive(path, ct))
            {
                SystemMounts.Unmount(path, detach: true);
            }
            else
            {
                await tool.Zfs(["unmount", names.Dataset(id)], ct);
            }
        }
        catch (StorageException busy) when (busy.Failure == StorageFailure.Busy)
        {
            throw new StorageException(
                StorageFailure.Busy, $"{path} is in use{MountHolders.Describe(path)}.", busy);
        }
    }

    public async Task<string> MountCommit(FilesystemId id, CommitId commit, CancellationToken ct)
    {
        var path = names.PathOf(id, commit);
        if (SystemMounts.At(path) is not null)
        {
            if (await IsAlive(path, ct))
            {
                return path;
            }

            SystemMounts.Unmount(path, detach: true);
        }

        System.IO.Directory.CreateDirectory(path);
        try
        {
            if (kernel)
            {
                SystemMounts.MountZfs(names.Snapshot(id, commit), path, SystemMounts.ReadOnly | SystemMounts.NoAtime);
            }
            else
            {
                await MountView(id, commit, path, ct);
            }
        }
        catch (StorageException)
        {
            // a command that was killed may have done its work before
            if (!SystemMounts.Read().ContainsKey(path))
            {
                RemoveFolder(path);
                throw;
            }
        }

        return path;
    }

    /// <summary>Takes the paths of a filesystem's commits away, before it is rolled back or destroyed.</summary>
    public async Task UnmountCommits(FilesystemId id, CancellationToken ct)
    {
        var prefix = names.PathOf(id) + "@";
        foreach (var (path, source) in SystemMounts.Read())
        {
            if (!path.StartsWith(prefix, StringComparison.Ordinal))
            {
                continue;
            }

            if (kernel)
            {
                SystemMounts.Unmount(path);
            }
            else
            {
                await UnmountView(path, source, ct);
                await tool.UnmountedZfs(["destroy", source], ct);
            }

            RemoveFolder(path);
        }
    }

    public void RemovePath(FilesystemId id) => RemoveFolder(names.PathOf(id));

    private async Task MountView(FilesystemId id, CommitId commit, string path, CancellationToken ct)
    {
        string[] clone =
            ["clone", "-o", "readonly=on", "-o", $"mountpoint={path}", names.Snapshot(id, commit), names.ViewOf(id, commit)];
        var result = await tool.TryZfs(clone, ct);
        if (result.ExitCode == 0)
        {
            return;
        }

        var failure = await tool.Failure(clone, result, ct);
        if (failure.Failure != StorageFailure.AlreadyExists)
        {
            throw failure;
        }

        await tool.UnmountedZfs(["mount", names.ViewOf(id, commit)], ct);
    }

    private async Task UnmountView(string path, string view, CancellationToken ct)
    {
        if (await IsAlive(path, ct))
        {
            await tool.Zfs(["unmount", view], ct);
        }
        else
        {
            SystemMounts.Unmount(path, detach: true);
        }
    }

    private void MountInKernel(FilesystemId id, string path)
    {
        System.IO.Directory.CreateDirectory(path);
        try
        {
            SystemMounts.MountZfs(names.Dataset(id), path, SystemMounts.NoAtime);
        }
        catch (StorageException missing) when (missing.Failure == StorageFailure.NotFound)
        {
            RemoveFolder(path);
            throw;
        }
    }

    private static void RemoveFolder(string path)
    {
        // only an empty folder goes: anything else under it is not ours
        if (System.IO.Directory.Exists(path) && !System.IO.Directory.EnumerateFileSystemEntries(path).Any())
        {
            System.IO.Directory.Delete(path);
        }
    }

    /// <summary>False: its daemon ended. A kernel module does not end.</summary>
    public Task<bool> IsAlive(string path, CancellationToken ct) => kernel ? Task.FromResult(true) : probe.IsAlive(path, ct);
}

/// <summary>Who keeps a mount busy, as far as this user may see.</summary>
internal static class MountHolders
{
    public static string Describe(string path)
    {
        var holders = new List<string>();
        foreach (var process in System.IO.Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), out _) && Holds(process, path))
            {
                holders.Add($"{Name(process)} ({Path.GetFileName(process)})");
            }
        }

        return holders.Count == 0 ? "" : $" by {string.Join(", ", holders.Take(5))}";
    }

    private static bool Holds(string process, string path)
    {
        try
        {
            return Links(process).Any(link => link == path || link.StartsWith(path + "/", StringComparison.Ordinal));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static IEnumerable<string> Links(string process) =>
        System.IO.Directory.EnumerateFiles($"{process}/fd")
            .Concat([$"{process}/cwd", $"{process}/root"])
            .Select(link => new FileInfo(link).LinkTarget ?? "");

    private static string Name(string process)
    {
        try
        {
            return File.ReadAllText($"{process}/comm").Trim();
        }
        catch (IOException)
        {
            return "?";
        }
    }
}
