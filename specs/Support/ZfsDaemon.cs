using System.Globalization;

namespace Dotmesh.Specs.Support;

/// <summary>
/// A zfs-fuse of one's own that may be killed: in a mount namespace with a socket, a lock and a pool cache of its own, so
/// that it neither meets the machine's daemon nor imports its pools.
/// </summary>
internal sealed class ZfsDaemon : IAsyncDisposable
{
    private readonly ChildProcess _namespace;
    private ChildProcess? _daemon;

    private ZfsDaemon(ChildProcess @namespace, string folder)
    {
        _namespace = @namespace;
        Disk = Path.Combine(folder, "disk");
    }

    public string Pool { get; } = $"dmspec{Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal)}";

    public string Disk { get; }

    /// <summary>Puts a program beside the daemon: to be followed by it and its arguments.</summary>
    public IReadOnlyList<string> Inside =>
        ["nsenter", $"--mount=/proc/{_namespace.Id.ToString(CultureInfo.InvariantCulture)}/ns/mnt", "--"];

    public static async Task<ZfsDaemon> Start(string folder)
    {
        // the copies of other pools' mounts would keep those pools busy
        const string prepare = """
            set -e
            mount --make-rprivate /
            while read -r _ path type _; do case "$type" in fuse*) umount -l "$path";; esac; done < /proc/mounts
            for own in /var/run/zfs /var/lib/zfs /var/lock/zfs; do mount -t tmpfs none "$own"; done
            echo ready
            exec sleep infinity
            """;
        var daemon = new ZfsDaemon(ChildProcess.Start("unshare", ["-m", "sh", "-c", prepare]), folder);
        try
        {
            if (!await Eventually.True(() => daemon._namespace.Output.Contains("ready", StringComparison.Ordinal)))
            {
                throw new TimeoutException($"no mount namespace: {daemon._namespace.Log}");
            }

            await using (var file = File.Create(daemon.Disk))
            {
                file.SetLength(256L << 20);
            }

            await daemon.StartAgain();
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    public async Task StartAgain()
    {
        _daemon = ChildProcess.Start(Inside[0], [.. Inside.Skip(1), "zfs-fuse", "-n"]);
        await Patience.Holds(
            async () => (await Try("zpool", "list")).ExitCode == 0 ? this : null,
            TimeSpan.FromSeconds(30),
            () => $"zfs-fuse does not answer: {_daemon.Log}");
    }

    public Task Kill() => _daemon!.Kill9();

    /// <summary>Runs a command beside the daemon; fails the spec when it fails.</summary>
    public async Task Run(string program, params string[] arguments)
    {
        var result = await Try(program, arguments);
        Xunit.Assert.True(result.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {result}");
    }

    public async ValueTask DisposeAsync()
    {
        // the namespace goes with its last process, and every mount of it with the namespace
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }

        await _namespace.DisposeAsync();
    }

    private Task<ChildResult> Try(string program, params string[] arguments) =>
        ChildProcess.Run(Inside[0], [.. Inside.Skip(1), program, .. arguments]);
}
