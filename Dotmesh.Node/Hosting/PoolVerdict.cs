using Dotmesh.Actors.Storage;

namespace Dotmesh.Node.Hosting;

/// <summary>What a pool's own words mean for the node: pure.</summary>
internal static class PoolVerdict
{
    /// <summary>With less than this a commit or a new dot can hardly succeed.</summary>
    private const long LeastFree = 1 << 20;

    /// <summary>Why it does no I/O and what to do; null when it does.</summary>
    public static string? Lost(PoolInfo pool) => pool.Health is "ONLINE" or "DEGRADED"
        ? null
        : $"The pool '{pool.Name}' is {pool.Health} and does no I/O: 'zpool status {pool.Name}' tells why; repair it and clear it.";

    /// <summary>Why it can take no work: it is lost, or full.</summary>
    public static string? Unready(PoolInfo pool) => Lost(pool) ?? (pool.FreeBytes < LeastFree
        ? $"The pool '{pool.Name}' is full: remove files, branches or dots, or give it more space."
        : null);
}
