using System.Globalization;

namespace Dotmesh.Specs.Support;

/// <summary>What a cut stops.</summary>
[Flags]
public enum Cut
{
    None = 0,

    /// <summary>What comes in from the other nodes.</summary>
    FromNodes = 1,

    /// <summary>What goes out to the other nodes.</summary>
    ToNodes = 2,

    /// <summary>What comes in from the database.</summary>
    FromDatabase = 4,

    /// <summary>What goes out to the database.</summary>
    ToDatabase = 8,

    Nodes = FromNodes | ToNodes,
    Database = FromDatabase | ToDatabase,
    In = FromNodes | FromDatabase,
    Out = ToNodes | ToDatabase,
    Everything = Nodes | Database,
}

/// <summary>
/// Each node in a network namespace of its own, all on one bridge; PostgreSQL and the spec at the bridge's address. A cut drops packets
/// inside a node's namespace, so that rules end with it. Calls of the spec to a node always get through.
/// </summary>
public sealed class NodeNetwork : IAsyncDisposable
{
    private const string Mark = "dmsp";

    private static int _made;

    private readonly string _name;
    private readonly string _prefix;
    private readonly int _nodes;

    private NodeNetwork(int nodes)
    {
        var number = Interlocked.Increment(ref _made);
        var unlike = (Environment.ProcessId * 4) + number;
        _name = string.Create(CultureInfo.InvariantCulture, $"{Mark}{Environment.ProcessId}x{number}");
        _prefix = string.Create(CultureInfo.InvariantCulture, $"10.{64 + (unlike / 256 % 128)}.{unlike % 256}");
        _nodes = nodes;
    }

    /// <summary>Of the bridge.</summary>
    public string Host => $"{_prefix}.1";

    public static async Task<NodeNetwork> Make(int nodes)
    {
        Lanes.Require(Lanes.NetworkNamespaces);
        await DropStale();
        var network = new NodeNetwork(nodes);
        try
        {
            await network.Make();
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public string AddressOf(int node) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}.{node + 10}");

    public string NamespaceOf(int node) => string.Create(CultureInfo.InvariantCulture, $"{_name}n{node}");

    /// <summary>In place of what was cut before.</summary>
    public async Task Set(int node, Cut cut, int databasePort)
    {
        await Rule(node, "-F");
        var port = databasePort.ToString(CultureInfo.InvariantCulture);
        foreach (var other in Enumerable.Range(0, _nodes).Where(other => other != node).Select(AddressOf))
        {
            await Drop(node, cut.HasFlag(Cut.FromNodes), "-A", "INPUT", "-s", other);
            await Drop(node, cut.HasFlag(Cut.ToNodes), "-A", "OUTPUT", "-d", other);
        }

        await Drop(node, cut.HasFlag(Cut.FromDatabase), "-A", "INPUT", "-s", Host, "-p", "tcp", "--sport", port);
        await Drop(node, cut.HasFlag(Cut.ToDatabase), "-A", "OUTPUT", "-d", Host, "-p", "tcp", "--dport", port);
    }

    public async ValueTask DisposeAsync()
    {
        for (var node = 0; node < _nodes; node++)
        {
            await ChildProcess.Run("ip", ["netns", "delete", NamespaceOf(node)]);
        }

        await ChildProcess.Run("ip", ["link", "delete", _name]);
    }

    /// <summary>What a run left behind that was killed: its processes too, which are alone in their namespaces.</summary>
    private static async Task DropStale()
    {
        var names = (await ChildProcess.Run("ip", ["netns", "list"])).Output.Split('\n').Select(line => line.Split(' ')[0]);
        foreach (var name in names.Where(IsStale))
        {
            foreach (var pid in (await ChildProcess.Run("ip", ["netns", "pids", name])).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                await ChildProcess.Run("kill", ["-9", pid]);
            }

            await ChildProcess.Run("ip", ["netns", "delete", name]);
        }

        var links = (await ChildProcess.Run("ip", ["-brief", "link", "show", "type", "bridge"])).Output.Split('\n').Select(line => line.Split(' ')[0]);
        foreach (var name in links.Where(IsStale))
        {
            await ChildProcess.Run("ip", ["link", "delete", name]);
        }
    }

    private static bool IsStale(string name) =>
        name.StartsWith(Mark, StringComparison.Ordinal)
        && int.TryParse(name[Mark.Length..].Split('x')[0], CultureInfo.InvariantCulture, out var process)
        && !Directory.Exists($"/proc/{process}");

    private async Task Make()
    {
        await Ip("link", "add", _name, "type", "bridge");
        await Ip("address", "add", $"{Host}/24", "dev", _name);
        await Ip("link", "set", _name, "up");
        for (var node = 0; node < _nodes; node++)
        {
            var (inside, outside) = (NamespaceOf(node), NamespaceOf(node));
            await Ip("netns", "add", inside);
            await Ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", inside);
            await Ip("link", "set", outside, "master", _name, "up");
            await Ip("-n", inside, "address", "add", $"{AddressOf(node)}/24", "dev", "eth0");
            await Ip("-n", inside, "link", "set", "eth0", "up");
            await Ip("-n", inside, "link", "set", "lo", "up");
        }
    }

    private Task Drop(int node, bool wanted, params string[] what) => wanted ? Rule(node, [.. what, "-j", "DROP"]) : Task.CompletedTask;

    private Task Rule(int node, params string[] arguments) =>
        ChildProcess.Succeed("nsenter", [$"--net=/var/run/netns/{NamespaceOf(node)}", "iptables", "-w", .. arguments]);

    private static Task Ip(params string[] arguments) => ChildProcess.Succeed("ip", arguments);
}
