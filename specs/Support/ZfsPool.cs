using Dotmesh.Actors;
using Dotmesh.Actors.Storage.Commands;
using Dotmesh.Actors.Storage.Zfs;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>A pool of its own on a sparse file, with a folder for its mounts; both are removed at the end.</summary>
public sealed class ZfsPool : IAsyncDisposable
{
    private ZfsPool(string name, string folder, CommandRunner runner) => (Name, Folder, Runner) = (name, folder, runner);

    public string Name { get; }

    public string Folder { get; }

    public CommandRunner Runner { get; }

    public string Mounts => Path.Combine(Folder, "mnt");

    public static async Task<ZfsPool> Create(long bytes = 1L << 30)
    {
        var name = $"dmspec{Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal)}";
        var folder = System.IO.Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), name)).FullName;
        var runner = new CommandRunner(new(), TimeProvider.System, NullLoggerFactory.Instance);
        var pool = new ZfsPool(name, folder, runner);
        var disk = Path.Combine(folder, "disk");
        await using (var file = File.Create(disk))
        {
            file.SetLength(bytes);
        }

        await pool.Run("zpool", "create", "-m", "none", name, disk);
        return pool;
    }

    /// <param name="time">Null: the system's.</param>
    public Task<ZfsStorage> Open(Faults faults, TimeProvider? time = null) => ZfsStorage.Open(
        new ZfsStorageOptions(Name, Mounts), Runner, faults, time ?? TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);

    /// <summary>Runs a command of the system; fails the spec when it fails.</summary>
    public async Task<string> Run(string program, params string[] arguments)
    {
        var result = await Runner.Run(new Command(Find(program), arguments), default);
        Assert.True(result.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {result.Stderr}");
        return result.Stdout;
    }

    /// <summary>What <c>zfs send</c> with these arguments writes.</summary>
    public async Task<byte[]> Send(params string[] arguments)
    {
        using var stream = new MemoryStream();
        var result = await Runner.Run(new Command(Find("zfs"), ["send", .. arguments]) { Output = stream.WriteAsync, IsStream = true }, default);
        Assert.True(result.ExitCode == 0, $"zfs send {string.Join(' ', arguments)}: {result.Stderr}");
        return stream.ToArray();
    }

    /// <summary><c>zfs receive</c> without any option, as original servers call it.</summary>
    public async Task Receive(byte[] stream, string dataset)
    {
        var command = new Command(Find("zfs"), ["receive", dataset]) { Input = new MemoryStream(stream), IsStream = true };
        var result = await Runner.Run(command, default);
        Assert.True(result.ExitCode == 0, $"zfs receive {dataset}: {result.Stderr}");
    }

    /// <summary>As the administrator of the machine would; in turn with all else that mounts and unmounts, which zfs-fuse needs.</summary>
    public async Task UnmountByHand(string path)
    {
        using var turn = await new MountTurn().Take(default);
        await Run("umount", path);
    }

    public static bool IsMounted(string path) => File.ReadLines("/proc/mounts").Any(line => line.Split(' ')[1] == path);

    /// <summary>Takes the pool away from under whoever uses it, as a disk that is pulled.</summary>
    public async Task Export()
    {
        using var turn = await new MountTurn().Take(default);
        await Run("zpool", "export", "-f", Name);
    }

    public async Task Import()
    {
        using var turn = await new MountTurn().Take(default);
        await Run("zpool", "import", "-d", Folder, Name);
    }

    public async ValueTask DisposeAsync()
    {
        // zfs-fuse lets go of a mount a moment after the unmount
        var destroy = new Command(Find("zpool"), ["destroy", "-f", Name]);
        await Patience.Holds(
            async () => await InTurn(destroy) ? "gone" : null, TimeSpan.FromSeconds(60), () => $"The pool {Name} cannot be destroyed.");

        System.IO.Directory.Delete(Folder, recursive: true);
        Runner.Dispose();
    }

    // destroying a pool unmounts: other specs and nodes on the same daemon wait meanwhile
    private async Task<bool> InTurn(Command destroy)
    {
        using var turn = await new MountTurn().Take(default);
        return (await Runner.Run(destroy, default)).ExitCode == 0;
    }

    private static string Find(string program) =>
        new[] { "/usr/sbin", "/sbin", "/usr/local/sbin" }.Select(f => Path.Combine(f, program)).FirstOrDefault(File.Exists)
        ?? program;
}
