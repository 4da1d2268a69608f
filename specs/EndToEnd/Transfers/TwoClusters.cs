using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>A spec on two clusters that know nothing of each other; each fact takes dots of its own.</summary>
public abstract class TwoClusters : IAsyncLifetime
{
    private Side? _here;
    private Side? _there;

    private protected Side Here => _here!;

    private protected Side There => _there!;

    public async Task InitializeAsync() => (_here, _there) = await Start();

    public abstract Task DisposeAsync();

    private protected abstract Task<(Side Here, Side There)> Start();
}

/// <summary>The same on two nodes, each a cluster of its own.</summary>
public abstract class TwoNodesSpec(bool onPools, params (string Name, string Value)[] options) : TwoClusters
{
    private protected TwoNodes Nodes { get; } = new(onPools, options);

    private protected virtual bool Typed => false;

    public override async Task DisposeAsync() => await Nodes.DisposeAsync();

    private protected override Task<(Side Here, Side There)> Start() => Nodes.Start(Typed);
}

/// <summary>Two nodes, each a cluster of its own: on embedded defaults (SQLite and folders), or with a zfs pool each.</summary>
public sealed class TwoNodes(bool onPools, params (string Name, string Value)[] options) : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly List<NodeProcess> _nodes = [];
    private readonly List<ZfsPool> _pools = [];

    public string PoolOf(int number) => _pools[number].Name;

    public async Task<(Side Here, Side There)> Start(bool typed = false)
    {
        if (onPools)
        {
            Lanes.Require(Lanes.Zfs);
            _pools.AddRange([await ZfsPool.Create(4L << 30), await ZfsPool.Create(4L << 30)]);
        }

        _nodes.AddRange(await Task.WhenAll(NodeProcess.Start(Setup(0)), NodeProcess.Start(Setup(1))));
        return (new Side(new Slice(_nodes, 0), typed), new Side(new Slice(_nodes, 1), typed));
    }

    /// <summary>kill -9, and once more from what is there.</summary>
    public async Task KillAndStart(int number) => _nodes[number] = await _nodes[number].KillAndStart();

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _nodes.Concat<IAsyncDisposable>(_pools))
        {
            await part.DisposeAsync();
        }

        _folder.Dispose();
    }

    private NodeSetup Setup(int number) => new(Path.Combine(_folder.Path, $"cluster{number}"), onPools ? PoolOf(number) : null)
    {
        Environment = options.ToDictionary(option => option.Name, option => (string?)option.Value),
    };
}

/// <summary>One node of a list, whichever process it is now.</summary>
internal sealed class Slice(IReadOnlyList<NodeProcess> nodes, int number) : IReadOnlyList<NodeProcess>
{
    public int Count => 1;

    public NodeProcess this[int index] => index == 0 ? nodes[number] : throw new ArgumentOutOfRangeException(nameof(index));

    public IEnumerator<NodeProcess> GetEnumerator()
    {
        yield return nodes[number];
    }

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Two clusters of two nodes each, on a PostgreSQL each.</summary>
public sealed class TwoClustersOfTwo(bool onPools) : IAsyncDisposable
{
    private readonly List<NodeCluster> _clusters = [];

    public async Task<(Side Here, Side There)> Start(bool typed)
    {
        for (var number = 0; number < 2; number++)
        {
            _clusters.Add(onPools ? await NodeCluster.StartOnPools(2) : await NodeCluster.Start(2));
        }

        return (new Side(_clusters[0].Nodes, typed), new Side(_clusters[1].Nodes, typed));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _clusters)
        {
            await cluster.DisposeAsync();
        }
    }
}
