using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Dotmesh.Specs.Support;

/// <summary>How to start a node: everything in a folder of its own, on free ports.</summary>
/// <param name="Folder">Holds home, data and mounts; made if missing, kept between starts.</param>
/// <param name="Pool">Null: directory storage.</param>
public sealed record NodeSetup(string Folder, string? Pool = null)
{
    public int ReferencePort { get; init; } = FreePorts.Take();

    public int ClientPort { get; init; } = FreePorts.Take();

    /// <summary>Added last: may replace what the harness sets.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Where it listens and where it is called.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The network namespace it runs in; null: that of the specs.</summary>
    public string? Namespace { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>A program, with arguments, that becomes the node: it has the same process id.</summary>
    public IReadOnlyList<string> Launcher { get; init; } = [];

    /// <summary>The node's dll; by default what <c>DOTMESH_SPEC_NODE</c> names, else the one beside the specs.</summary>
    public string NodeDll { get; init; } =
        System.Environment.GetEnvironmentVariable("DOTMESH_SPEC_NODE") ?? Path.Combine(AppContext.BaseDirectory, "Dotmesh.Node.dll");

    public string Home => Path.Combine(Folder, "home");

    public string ConfigFile => Path.Combine(Home, ".dotmesh", "config");

    public string PasswordFile => Path.Combine(Home, ".dotmesh", "admin-password.txt");

    public string DataFolder => Path.Combine(Folder, "data");

    public string Database => Path.Combine(DataFolder, "dotmesh.db");

    public string MountPrefix => Path.Combine(Folder, "mnt");

    public string ContainerMountPrefix => Path.Combine(Folder, "dots");
}

/// <summary>A node as a process, as its user would start it, without anything of it in the spec's own memory.</summary>
public sealed class NodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private readonly ChildProcess _process;
    private RpcClient? _rpc;

    private NodeProcess(NodeSetup setup, ChildProcess process)
    {
        Setup = setup;
        _process = process;
    }

    public NodeSetup Setup { get; }

    public int Id => _process.Id;

    public string Log => _process.Log;

    /// <summary>What it wrote to stdout: the banner.</summary>
    public string Output => _process.Output;

    public bool HasExited => _process.HasExited;

    public Uri Address => new($"http://{Setup.Host}:{Setup.ReferencePort}");

    /// <summary>Calls as admin with the API key of the config file, on the reference's port.</summary>
    public RpcClient Rpc => _rpc ??= new RpcClient(new Uri(Address, "/rpc"), "admin", ReadKey(Setup));

    /// <summary>Starts the process and does not wait for anything.</summary>
    public static NodeProcess Launch(NodeSetup setup)
    {
        Directory.CreateDirectory(setup.Home);
        var environment = new Dictionary<string, string?>
        {
            ["HOME"] = setup.Home,
            ["DOTMESH__NODE__DATAFOLDER"] = setup.DataFolder,
            ["DOTMESH__LISTEN__REFERENCEPORT"] = Number(setup.ReferencePort),
            ["DOTMESH__LISTEN__CLIENTPORT"] = Number(setup.ClientPort),
            ["MOUNT_PREFIX"] = setup.MountPrefix,
            ["CONTAINER_MOUNT_PREFIX"] = setup.ContainerMountPrefix,
            ["POOL"] = setup.Pool,
        };
        foreach (var (name, value) in setup.Environment)
        {
            environment[name] = value;
        }

        var dotnet = System.Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        // only the network: in a mount namespace of its own nobody else would see what it mounts
        string[] space = setup.Namespace is { } network ? ["nsenter", $"--net=/var/run/netns/{network}"] : [];
        string[] line = [.. space, .. setup.Launcher, dotnet, setup.NodeDll, .. setup.Arguments];
        return new NodeProcess(setup, ChildProcess.Start(line[0], line.Skip(1), environment, setup.Folder));
    }

    /// <summary>Starts the process and waits until it is ready for requests.</summary>
    public static async Task<NodeProcess> Start(NodeSetup setup)
    {
        var node = Launch(setup);
        try
        {
            await node.Ready();
            return node;
        }
        catch (TimeoutException)
        {
            await node.DisposeAsync();
            throw;
        }
    }

    public static string ReadKey(NodeSetup setup) =>
        (string)JsonNode.Parse(File.ReadAllText(setup.ConfigFile))!["Remotes"]!["local"]!["ApiKey"]!;

    public async Task Ready()
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        await Patience.Holds(
            async () =>
            {
                if (_process.HasExited)
                {
                    var end = await _process.Finished(TimeSpan.FromSeconds(5));
                    throw new TimeoutException($"the node ended with {end}");
                }

                try
                {
                    using var reply = await http.GetAsync(new Uri(Address, "/health/ready"));
                    return reply.IsSuccessStatusCode ? this : null;
                }
                catch (Exception notYet) when (notYet is HttpRequestException or TaskCanceledException)
                {
                    return null;
                }
            },
            StartLimit,
            () => $"the node was not ready after {StartLimit}\n{Log}");
    }

    /// <summary>Waits until the banner has a text: it is printed just after the node is ready.</summary>
    public Task Printed(string text) => Patience.Holds(
        () => Task.FromResult(Output.Contains(text, StringComparison.Ordinal) ? Output : null),
        TimeSpan.FromSeconds(10),
        () => $"not printed: {text}\n{Log}");

    /// <summary>SIGTERM, as a service manager stops it; answers the exit code.</summary>
    public async Task<int> Stop(PosixSignal signal = PosixSignal.SIGTERM)
    {
        _process.Signal(signal);
        // 20 s for its dots, 10 for its callers, and what it stands behind the machine
        return (await _process.Finished(TimeSpan.FromSeconds(90))).ExitCode;
    }

    public void Signal(PosixSignal signal) => _process.Signal(signal);

    /// <summary>SIGSTOP: it does nothing, and knows nothing of it.</summary>
    public Task Freeze() => _process.Freeze();

    /// <summary>It goes on where it was frozen.</summary>
    public void Thaw() => _process.Thaw();

    public Task Kill9() => _process.Kill9();

    /// <summary>kill -9, and once more from what is there: the new process.</summary>
    public async Task<NodeProcess> KillAndStart()
    {
        await Kill9();
        await DisposeAsync();
        return await Start(Setup);
    }

    public Task<ChildResult> Ended(TimeSpan? limit = null) => _process.Finished(limit ?? TimeSpan.FromSeconds(60));

    public async ValueTask DisposeAsync()
    {
        _rpc?.Dispose();
        await _process.DisposeAsync();
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
