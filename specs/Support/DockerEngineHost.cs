using System.Collections.Concurrent;

namespace Dotmesh.Specs.Support;

/// <summary>
/// The Docker engine of this machine by its own command line, for one volume driver: what is made here carries the driver's name and goes
/// with it.
/// </summary>
/// <param name="prefix">Of names; null: the driver's.</param>
public sealed class DockerEngineHost(string driver, string? prefix = null) : IAsyncDisposable
{
    /// <summary>Ends at once when it is asked to.</summary>
    public const string Forever = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

    private static int _last;

    private readonly ConcurrentDictionary<string, bool> _volumes = new(StringComparer.Ordinal);

    public string Driver => driver;

    /// <summary>Debian with a shell, or what <c>DOTMESH_SPEC_IMAGE</c> says.</summary>
    public static string Image => Environment.GetEnvironmentVariable("DOTMESH_SPEC_IMAGE") ?? "local/debian:bookworm";

    public static string NewDriver() => $"dmspec{Environment.ProcessId}-{Interlocked.Increment(ref _last)}";

    public static string SocketOf(string driver) => $"/run/docker/plugins/{driver}.sock";

    /// <summary>
    /// A name for a container or dot that no other spec has: an engine has each volume's name once, whatever the driver.
    /// </summary>
    public string Named(string name) => $"{prefix ?? driver}-{name}";

    /// <summary>When the node is gone: an engine waits for each socket that nobody listens on.</summary>
    public void Forget() => File.Delete(SocketOf(driver));

    /// <summary>Runs a line of shell with a volume at <c>/foo</c>, to its end, and keeps the container; answers what it printed.</summary>
    public async Task<string> Run(string volume, string line)
    {
        var printed = await Docker(["run", .. Options(volume), Image, "sh", "-c", line]);
        _volumes[Named(volume)] = true;
        return printed;
    }

    /// <summary>The same, however it ends.</summary>
    public async Task<ChildResult> TryRun(string volume, string line)
    {
        var result = await Try(["run", .. Options(volume), Image, "sh", "-c", line]);
        _volumes[Named(volume)] = true;
        return result;
    }

    /// <summary>The same when the engine has to refuse; answers what it says.</summary>
    public async Task<string> Refused(string volume, string line = "true")
    {
        var result = await Try(["run", .. Options(volume), Image, "sh", "-c", line]);
        return result.ExitCode == 0 ? throw new InvalidOperationException($"{volume} was not refused: {result}") : result.Errors;
    }

    /// <summary>Starts a container that runs until it is stopped.</summary>
    /// <param name="more">Further options of <c>docker run</c>.</param>
    public async Task Start(string name, string volume, string line = Forever, params string[] more)
    {
        await Docker(["run", "-d", "--name", Named(name), .. more, .. Options(volume), Image, "sh", "-c", line]);
        _volumes[Named(volume)] = true;
    }

    public Task<string> Exec(string name, string line) => Docker(["exec", Named(name), "sh", "-c", line]);

    public Task Remove(string name) => Docker(["rm", "-f", Named(name)]);

    public async Task<bool> IsRunning(string name) => await Inspect(name, "{{.State.Running}}") == "true";

    public Task<string> StartedAt(string name) => Inspect(name, "{{.State.StartedAt}}");

    /// <summary>Waits until it runs: the engine tells of a container's start before or after its caller is answered.</summary>
    public Task Runs(string name) => Patience.Holds(
        async () => await IsRunning(name) ? this : null, TimeSpan.FromSeconds(60), () => $"{Named(name)} does not run");

    public async Task<string> Docker(IEnumerable<string> arguments)
    {
        var result = await Try(arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"docker {string.Join(' ', arguments)}: {result}");
    }

    public static Task<ChildResult> Try(IEnumerable<string> arguments) => ChildProcess.Run("docker", arguments, limit: TimeSpan.FromMinutes(3));

    public async ValueTask DisposeAsync()
    {
        if (await Listed(["ps", "-aq", "--filter", $"label=dotmesh.spec={driver}"]) is { Length: > 0 } containers)
        {
            await Docker(["rm", "-f", .. containers]);
        }

        // while the driver still answers: the engine would wait for it at every start
        if (!_volumes.IsEmpty)
        {
            await Docker(["volume", "rm", "-f", .. _volumes.Keys]);
        }
    }

    private async Task<string[]> Listed(string[] arguments) =>
        (await Docker(arguments)).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private string[] Options(string volume) => ["--label", $"dotmesh.spec={driver}", "--network", "none", "--volume-driver", driver, "-v", $"{Named(volume)}:/foo"];

    private Task<string> Inspect(string name, string format) => Docker(["inspect", Named(name), "--format", format]);
}
