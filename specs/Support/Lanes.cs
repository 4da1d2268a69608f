using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>
/// Specs that need something of the machine belong to a lane, named in <c>DOTMESH_SPEC_LANES</c> (comma list). A lane that
/// is off is skipped where everybody sees it; a lane that is on must run, so what it needs and misses is a failure.
/// </summary>
public static class Lanes
{
    /// <summary>A running zfs-fuse daemon with its commands.</summary>
    public const string Zfs = "zfs";

    /// <summary>PostgreSQL's programs are installed; each spec starts a server of its own.</summary>
    public const string Postgres = "postgres";

    /// <summary>Root may make network namespaces, with <c>ip</c> and <c>iptables</c>.</summary>
    public const string NetworkNamespaces = "netns";

    /// <summary>A Docker engine on <c>/var/run/docker.sock</c>, whose images include <c>DOTMESH_SPEC_IMAGE</c>.</summary>
    public const string Docker = "docker";

    /// <summary>Chromium is installed.</summary>
    public const string Browser = "browser";

    /// <summary>A pool of a real OpenZFS kernel; its name is in <c>DOTMESH_SPEC_POOL</c>. Runs in a virtual machine.</summary>
    public const string OpenZfs = "openzfs";

    private static readonly HashSet<string> On = (Environment.GetEnvironmentVariable("DOTMESH_SPEC_LANES") ?? "")
        .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .ToHashSet(StringComparer.Ordinal);

    public static bool IsOn(string lane) => On.Contains(lane);

    /// <summary>Skips the spec (which must be a <c>[SkippableFact]</c>) when the lane is off.</summary>
    public static void Require(string lane) =>
        Skip.IfNot(IsOn(lane), $"lane '{lane}' is off (DOTMESH_SPEC_LANES)");
}
