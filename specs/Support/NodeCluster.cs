using System.Text.Json.Nodes;
using Dotmesh.Actors.Database;

namespace Dotmesh.Specs.Support;

/// <summary>
/// Several nodes as processes on one PostgreSQL, numbered from 0: on directory storage or each on a zfs pool of its own, on loopback or on a
/// network of their own.
/// </summary>
public sealed class NodeCluster : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly List<NodeProcess> _nodes = [];
    private readonly (string Name, string Value)[] _options;
    private readonly Dictionary<int, string> _earlier = [];

    private readonly NodeNetwork? _network;
    private readonly List<ZfsPool>? _pools;

    private NodeCluster(
        PostgresServer server, PostgresSettings database, NodeNetwork? network, bool onPools, (string Name, string Value)[] options)
    {
        _pools = onPools ? [] : null;
        _network = network;
        _options = options;
        Server = server;
        Database = database;
    }

    public PostgresServer Server { get; }

    public PostgresSettings Database { get; }

    public IReadOnlyList<NodeProcess> Nodes => _nodes;

    /// <summary>Of a node on a zfs pool.</summary>
    public string PoolOf(int number) => _pools![number].Name;

    /// <inheritdoc cref="ZfsPool.Export"/>
    public Task ExportPool(int number) => _pools![number].Export();

    public Task ImportPool(int number) => _pools![number].Import();

    /// <summary>Ids of the filesystems that are in a node's pool, asked of the storage itself.</summary>
    public async Task<IReadOnlyList<string>> FilesystemsIn(int number)
    {
        if (_pools is null)
        {
            return [.. Directory.GetDirectories(Path.Combine(_nodes[number].Setup.DataFolder, "pool", "fs")).Select(folder => Path.GetFileName(folder)!)];
        }

        var parent = $"{PoolOf(number)}/dmfs";
        var listed = await _pools[number].Run("zfs", "list", "-H", "-o", "name", "-t", "filesystem", "-r", parent);
        return [.. listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(name => name != parent).Select(name => name[(parent.Length + 1)..])];
    }

    /// <summary>Its network can be cut.</summary>
    public bool IsApart => _network is not null;

    private string SecretFile => Path.Combine(_folder.Path, "secret");

    /// <param name="options">Added to the environment of every node; <c>{node}</c> is its number.</param>
    public static Task<NodeCluster> Start(int nodes, params (string Name, string Value)[] options) => Start(nodes, null, false, options);

    /// <summary>Each node on a zfs pool of its own.</summary>
    public static async Task<NodeCluster> StartOnPools(int nodes, params (string Name, string Value)[] options)
    {
        // both lanes are looked at before anything is made
        Lanes.Require(Lanes.Postgres);
        Lanes.Require(Lanes.Zfs);
        return await Start(nodes, null, true, options);
    }

    /// <summary>Each node in a namespace of its own: what it reaches can be cut.</summary>
    public static async Task<NodeCluster> StartApart(int nodes, params (string Name, string Value)[] options)
    {
        // both lanes are looked at before anything is made
        Lanes.Require(Lanes.Postgres);
        return await Start(nodes, await NodeNetwork.Make(nodes), false, options);
    }

    /// <summary>Both.</summary>
    public static async Task<NodeCluster> StartApartOnPools(int nodes, params (string Name, string Value)[] options)
    {
        Lanes.Require(Lanes.Postgres);
        Lanes.Require(Lanes.Zfs);
        return await Start(nodes, await NodeNetwork.Make(nodes), true, options);
    }

    private static async Task<NodeCluster> Start(int nodes, NodeNetwork? network, bool onPools, (string Name, string Value)[] options)
    {
        var server = await PostgresServer.Start(network?.Host);
        var cluster = new NodeCluster(server, await server.NewDatabase(), network, onPools, options);
        try
        {
            await File.WriteAllTextAsync(
                cluster.SecretFile, Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)));
            await cluster.Add(nodes);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The folder and options of node <paramref name="number"/>; the same at each of its starts.</summary>
    public NodeSetup Setup(int number)
    {
        var setup = new NodeSetup(Path.Combine(_folder.Path, $"node{number}"), _pools?[number].Name);
        var host = _network?.AddressOf(number) ?? setup.Host;
        return setup with
        {
            Host = host,
            Namespace = _network?.NamespaceOf(number),
            Environment = new Dictionary<string, string?>(_options.Select(option => KeyValuePair.Create(option.Name, (string?)option.Value.Replace("{node}", $"{number}", StringComparison.Ordinal))))
            {
                ["DOTMESH__LISTEN__ADDRESS"] = host,
                ["DOTMESH__LISTEN__NODEPORT"] = "0",
                ["DOTMESH__CLUSTER__HOSTNAME"] = host,
                ["DOTMESH__CLUSTER__SECRETFILE"] = SecretFile,
                ["DOTMESH__CLUSTER__LEASESECONDS"] = "3",
                ["DOTMESH__DATABASE__HOST"] = Database.Host,
                ["DOTMESH__DATABASE__PORT"] = $"{Database.Port}",
                ["DOTMESH__DATABASE__NAME"] = Database.Database,
                ["DOTMESH__DATABASE__USER"] = Database.User,
            },
        };
    }

    /// <summary>Starts so many more at once and waits until each of them sees all.</summary>
    public async Task Add(int nodes)
    {
        for (var number = 0; _pools is not null && number < nodes; number++)
        {
            // sparse files
            _pools.Add(await ZfsPool.Create(4L << 30));
        }

        var added = Enumerable.Range(_nodes.Count, nodes).Select(number => NodeProcess.Launch(Setup(number))).ToList();
        _nodes.AddRange(added);
        await Task.WhenAll(added.Select(node => node.Ready()));
        await Task.WhenAll(Enumerable.Range(0, _nodes.Count).Select(number => Sees(number, _nodes.Count)));
    }

    /// <summary>Of a cluster that was started apart: what this node cannot reach from now on.</summary>
    public Task Cut(int number, Cut cut) => _network!.Set(number, cut, Server.Port);

    /// <summary>Starts a node again that was ended.</summary>
    public async Task Restart(int number)
    {
        _earlier[number] = LogOf(number);
        await _nodes[number].DisposeAsync();
        _nodes[number] = await NodeProcess.Start(_nodes[number].Setup);
    }

    /// <summary>Waits until one of these nodes, or of all when none is named, has logged a text.</summary>
    public Task Logged(string text, TimeSpan limit, params int[] nodes)
    {
        var asked = nodes.Length == 0 ? _nodes : [.. nodes.Select(node => _nodes[node])];
        return Patience.Holds(
            () => Task.FromResult(asked.Any(node => node.Log.Contains(text, StringComparison.Ordinal)) ? this : null),
            limit,
            () => $"no '{text}' in\n{string.Join("\n=====\n", asked.Select(node => node.Log))}");
    }

    /// <summary>Starts a node that is to be refused; answers what it says of it.</summary>
    public static async Task<string> Refused(NodeSetup setup)
    {
        await using var node = NodeProcess.Launch(setup);
        var end = await node.Ended();
        Xunit.Assert.True(end.ExitCode == 1, end.ToString());
        return end.Errors;
    }

    /// <summary>What a node wrote in all of its runs.</summary>
    public string LogOf(int number) => $"{_earlier.GetValueOrDefault(number)}{_nodes[number].Log}\n";

    /// <summary>Waits until a node counts so many that are there.</summary>
    public Task Sees(int number, int nodes) => Patience.Holds(
        async () =>
        {
            try
            {
                return (await Servers(number)).Count == nodes ? this : null;
            }
            catch (Exception notYet) when (notYet is HttpRequestException or RpcErrorException)
            {
                // it begins anew
                return null;
            }
        },
        TimeSpan.FromSeconds(60),
        () => $"node {number} does not see {nodes} nodes\n{string.Join('\n', _nodes.Select(node => node.Log))}");

    /// <summary>Waits until every node that is up holds so many commits of a branch of one of admin's dots.</summary>
    public async Task Holds(string name, string branch, int commits)
    {
        var node = _nodes.First(node => !node.HasExited);
        var id = await node.Rpc.Text("Lookup", new { Namespace = "admin", Name = name, Branch = branch });
        var seen = "";
        await Patience.Holds(
            async () =>
            {
                var statuses = (JsonObject)(await node.Rpc.Call("Get", id))!["ServerStatuses"]!;
                seen = statuses.ToJsonString();
                return statuses.All(status => (string)status.Value! == $"waiting, {commits} commits") ? this : null;
            },
            TimeSpan.FromSeconds(60),
            () => $"{name}@{branch} is not everywhere: {seen}\n{string.Join('\n', _nodes.Select(other => other.Log))}");
    }

    /// <summary>Storage node ids of the nodes that a node sees.</summary>
    public async Task<IReadOnlyList<string>> Servers(int number)
    {
        const string Prefix = "serverAddressesCache.";
        var dump = (JsonObject)(await _nodes[number].Rpc.Call("DumpInternalState", Prefix))!;
        return [.. dump.Select(pair => pair.Key[Prefix.Length..])];
    }

    public async Task<string> IdOf(int number) =>
        (string)(await _nodes[number].Rpc.Call("DumpInternalState", "myNodeId"))!["myNodeId"]!;

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

        foreach (var pool in _pools ?? [])
        {
            await pool.DisposeAsync();
        }

        await Server.DisposeAsync();
        if (_network is not null)
        {
            await _network.DisposeAsync();
        }

        _folder.Dispose();
    }
}
