using System.Globalization;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>What is done when a step fails, so that an operation is there whole, or not at all, or can be repeated.</summary>
public sealed partial class ZfsStorage
{
    /// <summary>
    /// Whether a command that was cut had come to its end: the pool makes a dataset or snapshot with its properties whole
    /// or not at all.
    /// </summary>
    private async Task<bool> IsMadeSince(string name, DateTimeOffset began, StorageException why)
    {
        var made = false;
        await Undo(why, async () =>
        {
            var asked = await _tool.TryZfs(["get", "-Hp", "-o", "value", "creation", name], CancellationToken.None);
            made = asked.ExitCode == 0
                && long.TryParse(asked.Stdout.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var at)
                && at >= began.ToUnixTimeSeconds();
        });
        return made;
    }

    /// <summary>Work after a failure. When it fails as well the caller hears of both.</summary>
    private static async Task Undo(Exception why, Func<Task> undo)
    {
        try
        {
            await undo();
        }
        catch (StorageException second) when (why is StorageException)
        {
            throw new StorageException(((StorageException)why).Failure, $"{why.Message} Then: {second.Message}", why);
        }
    }

    /// <summary>For steps that unmount a filesystem: refused, they leave it as mounted as it was.</summary>
    private async Task MountedAgainOnFailure(FilesystemId id, Func<Task> steps)
    {
        var mounted = _mounts.IsMounted(id);
        try
        {
            await steps();
        }
        catch (Exception why) when (why is StorageException or OperationCanceledException)
        {
            await Undo(why, async () =>
            {
                if (await Dataset(_names.Dataset(id), CancellationToken.None) is { } still)
                {
                    await Forget(still.Name, ZfsProperties.Stashing, still.Local.ContainsKey(ZfsProperties.Stashing), CancellationToken.None);
                    if (mounted)
                    {
                        await _mounts.Mount(id, CancellationToken.None);
                    }
                }
            });
            throw;
        }
    }
}
