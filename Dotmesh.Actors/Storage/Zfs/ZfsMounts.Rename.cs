namespace Dotmesh.Actors.Storage.Zfs;

internal sealed partial class ZfsMounts
{
    /// <summary>
    /// Renames a dataset that is not mounted. On zfs-fuse the command itself would unmount what was cloned from it and
    /// mount it again when the rename is refused, which keeps the dataset busy for good: so the clones are unmounted
    /// before the first try and mounted again after the last.
    /// </summary>
    public Task Rename(string from, string to, CancellationToken ct) =>
        WithoutClones(from, () => tool.UnmountedZfs(["rename", from, to], ct), ct);

    /// <summary>
    /// Renames to and fro: over when nobody holds the dataset any more. What was begun is ended, whatever the token says, and a command that was
    /// killed has perhaps done its work.
    /// </summary>
    public Task RenameAndBack(string name, string meanwhile, Action between, CancellationToken ct) => WithoutClones(
        name,
        async () =>
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                await tool.UnmountedZfs(["rename", name, meanwhile], CancellationToken.None);
                between();
                await tool.UnmountedZfs(["rename", meanwhile, name], CancellationToken.None);
            }
            catch (StorageException cut) when (cut.WasCut)
            {
                await tool.TryUnmountedZfs(["rename", meanwhile, name], CancellationToken.None);
                throw;
            }
        },
        ct);

    private async Task WithoutClones(string dataset, Func<Task> steps, CancellationToken ct)
    {
        var clones = kernel ? [] : await MountedClones(dataset, ct);
        try
        {
            foreach (var clone in clones)
            {
                await tool.Zfs(["unmount", clone], ct);
            }

            await steps();
        }
        finally
        {
            foreach (var clone in clones)
            {
                await Remount(clone);
            }
        }
    }

    /// <summary>What stands on the dataset's snapshots, directly or by way of other clones, deepest last.</summary>
    private async Task<List<string>> MountedClones(string dataset, CancellationToken ct)
    {
        // to this depth only the filesystems, and not their many snapshots
        var origins = (await tool.Zfs(["get", "-Hp", "-d", "1", "-o", "name,value", "origin", names.Parent], ct))
            .Split('\n').Select(line => line.Split('\t')).Where(row => row.Length == 2 && row[1].Contains('@', StringComparison.Ordinal))
            .ToLookup(row => row[1][..row[1].IndexOf('@', StringComparison.Ordinal)], row => row[0], StringComparer.Ordinal);
        var dependents = new List<string>(origins[dataset]);
        for (var n = 0; n < dependents.Count; n++)
        {
            dependents.AddRange(origins[dependents[n]].Except(dependents, StringComparer.Ordinal).ToList());
        }

        var mounted = SystemMounts.Read().Values.ToHashSet(StringComparer.Ordinal);
        return dependents.FindAll(mounted.Contains);
    }

    private async Task Remount(string clone)
    {
        if (!SystemMounts.Read().ContainsValue(clone))
        {
            await tool.UnmountedZfs(["mount", clone], CancellationToken.None);
        }
    }
}
