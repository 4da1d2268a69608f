using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Filesystems;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Commands;
using Dotmesh.Actors.Trust;
using Dotmesh.Actors.Users;
using Dotmesh.Node.Access;
using Dotmesh.Node.Options;

namespace Dotmesh.Node.Hosting;

/// <summary>
/// One node, put together from its parts in the order in which they need each other (the order of <see cref="Start"/>), and
/// taken apart in the opposite one. The listeners come last: what they answer is there (contract 1.1).
/// </summary>
public sealed partial class NodeHost : IAsyncDisposable
{
    private const string Stopping = "stopping";

    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly Stack<Func<ValueTask>> _parts = new();
    private readonly NodeOptions _options;
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _notReady = "starting";
    private volatile Refusal? _out;
    private DotmeshSystem? _system;
    private SqlDatabase? _database;
    private IStorage? _storage;
    private ClusterEntrance? _entrance;
    private Func<double>? _certificateDays;

    private NodeHost(NodeOptions options) => _options = options;

    public string Banner { get; private set; } = string.Empty;

    /// <summary>Ends with the reason when this node may not go on.</summary>
    public Task<string> Lost => _lost.Task;

    /// <summary>
    /// Answers when requests are served; throws <see cref="StartFailureException"/> when the surroundings forbid, and
    /// <see cref="PlaceLostException"/> when the place in the cluster was lost on the way.
    /// </summary>
    public static async Task<NodeHost> Start(NodeOptions options, ImmutableArray<EffectiveOption> effective, CancellationToken ct)
    {
        var node = new NodeHost(options);
        using var going = CancellationTokenSource.CreateLinkedTokenSource(ct);
        try
        {
            var composing = node.Compose(effective, going.Token);
            if (await Task.WhenAny(composing, node.Lost) == node.Lost)
            {
                await going.CancelAsync();
            }

            await composing;
            return node;
        }
        catch (OperationCanceledException) when (node.Lost.IsCompleted && !ct.IsCancellationRequested)
        {
            await node.DisposeAsync();
            throw new PlaceLostException(await node.Lost);
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Before an orderly stop: the other nodes get the dots, as many as there is time for; requests are served meanwhile.</summary>
    public async Task HandOver()
    {
        if (_system is { } system && _options.Failover.DrainSeconds > 0)
        {
            _notReady = "handing its dots over before it stops";
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(_options.Failover.DrainSeconds));
            await system.HandOver(limit.Token);
        }
    }

    /// <summary>
    /// The place in the cluster is lost: all that runs ends at once, because others may have the dots, and nobody may join through
    /// this node. Calls are refused with the reason from here on. Answers when database and pool are there, so that the next life may begin.
    /// </summary>
    public async Task Abandon(string reason, CancellationToken ct)
    {
        _out = Refusals.NodeBeginsAnew(reason);
        _volumes = null;
        _notReady = $"begins anew: {reason}";
        await _system!.Abandon();
        await _entrance!.GiveUp();
        using var pause = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (!await _database!.Answers(ct) || await PoolWatch.Look(_storage!, ct) is not null)
        {
            await pause.WaitForNextTickAsync(ct);
        }
    }

    /// <summary>Stops listening, lets requests that run be answered, then stops the parts, newest first.</summary>
    public async ValueTask DisposeAsync()
    {
        _notReady = Stopping;
        _volumes = null;
        _begun.TrySetResult();
        while (_parts.TryPop(out var stop))
        {
            await stop();
        }
    }

    private async Task Compose(ImmutableArray<EffectiveOption> effective, CancellationToken ct)
    {
        var started = TimeProvider.System.GetTimestamp();
        var logs = Keep(LoggerFactory.Create(logging => NodeLog.Configure(logging, _options.Log)));
        var log = logs.CreateLogger("Dotmesh.Node");
        NodeLog.Options(log, effective);

        await ListenForEngine(logs, ct);
        Keep(DataFolder.Hold(_options.Node.DataFolder));
        var secrets = Keep(SecretBox.Open(_options.Cluster.SecretFile));
        var tls = OpenTls(logs);
        var faults = ArmedFaults();
        var ids = new RandomIds();
        var clock = TimeProvider.System;

        var storage = await OpenStorage(faults, clock, logs, ct);
        var pool = await storage.Pool(ct);

        var tables = Tables();
        var database = await SqlDatabase.Open(tables, clock, logs, ct);
        _parts.Push(database.DisposeAsync);
        _database = database;
        var cluster = database.IsShared ? await EnterCluster(database, pool.Id, secrets, tls, clock, logs, ct) : null;
        var directory = await SqlDirectory.Open(database, clock, logs, ct);
        var users = Keep(await SqlUsers.Open(database, secrets, clock, ids, logs, ct));
        var access = new AdminAccess(_options, users);
        await access.Ensure(ct);

        var system = await DotmeshSystem.Start(
            SystemSettings(tables.Journal) with { Tls = tls, DatabaseAnswers = database.Answers }, storage, directory, users, faults, clock, ids, logs, ct, cluster,
            Transfers(database, secrets, clock), await Containers(database, clock, ct));
        _parts.Push(system.DisposeAsync);
        _system = system;
        if (cluster is not null)
        {
            // where there is nobody to take the dots, memory still answers what it can, and nobody has to look all the time
            _parts.Push(new PoolWatch(storage, why => _lost.TrySetResult(why), clock).DisposeAsync);
        }

        var pipeline = Pipeline(effective, system, storage, directory, users, faults, ids, logs);
        var ports = await Listen(pipeline, users, pool.Id, logs, ct);
        await access.WriteConfig(Hosting.Banner.HostName(_options.Listen.Address), ports.Client, ct);
        Banner = Hosting.Banner.Make(_options, storage.Capabilities, pool, ports, access.ConfigFile);
        _notReady = null;
        _volumes = system.Volumes;
        _begun.TrySetResult();
        system.ServeContainers();
        log.LogInformation(
            "Node {Node} serves {Dots} dots after {Milliseconds:F0} ms",
            pool.Id,
            directory.Dots.Count,
            clock.GetElapsedTime(started).TotalMilliseconds);
    }

    private async Task<IStorage> OpenStorage(Faults faults, TimeProvider clock, ILoggerFactory logs, CancellationToken ct)
    {
        var runner = Keep(new CommandRunner(
            new CommandRunnerOptions { StallAfter = TimeSpan.FromSeconds(_options.Storage.StallSeconds) },
            clock,
            logs,
            new CommandTelemetry()));
        var storage = await StorageOpening.Open(_options.Storage, runner, faults, clock, logs, ct);
        _parts.Push(storage.DisposeAsync);
        _storage = storage;
        return storage;
    }

    private IEnumerable<(string Name, string Help, double Value)> CertificateGauges() => _certificateDays is { } days
        ? [("dotmesh_certificate_days_left", "Days until the certificate of this node expires.", days())]
        : [];

    private SqlDialect Tables() => _options.Database.Host.Length == 0
        ? new SqliteDialect(_options.Database.Path)
        : new PostgresDialect(new PostgresSettings(
            _options.Database.Host,
            _options.Database.Port,
            _options.Database.Name,
            _options.Database.User,
            _options.Database.Password.Length == 0 ? null : _options.Database.Password));

    private NodeTls? OpenTls(ILoggerFactory logs)
    {
        if (TlsOpening.Open(_options, TimeProvider.System, logs) is not { } tls)
        {
            return null;
        }

        Keep(tls.Certificate);
        var watch = new CertificateWatch(
            tls.Certificate.ExpiresAt, TimeSpan.FromDays(_options.Tls.GraceDays), why => _lost.TrySetResult(why), TimeProvider.System,
            logs.CreateLogger<CertificateWatch>());
        _parts.Push(watch.DisposeAsync);
        _certificateDays = () => watch.DaysLeft;
        return tls;
    }

    /// <summary>Takes the lease of this pool and opens the listener for the other nodes.</summary>
    private async Task<ClusterParts> EnterCluster(
        SqlDatabase database, StorageNodeId pool, SecretBox secrets, NodeTls? tls, TimeProvider clock, ILoggerFactory logs,
        CancellationToken ct)
    {
        var entry = new ClusterEntrance(_options, database, pool, secrets, tls, clock, logs);
        _parts.Push(entry.DisposeAsync);
        _entrance = entry;
        var registry = await entry.Claim(new RandomIds(), why => _lost.TrySetResult(why), ct);
        return await entry.Open(registry, why => _lost.TrySetResult(why), ct);
    }

    private DotmeshSystemSettings SystemSettings(JournalSettings journal) => new(journal, _options.Storage.ContainerMountPrefix)
    {
        RemotingHost = _options.Cluster.Hostname,
        RemotingPort = _options.Cluster.Port,
        BindAddress = _options.Cluster.BindAddress,
        PublicPort = _options.Cluster.PublicPort,
        Addresses = [_options.Cluster.Hostname],
        Deadline = TimeSpan.FromSeconds(_options.Rpc.DeadlineSeconds),
        MaxInFlight = _options.Rpc.MaxInFlight,
    };

    private Faults ArmedFaults()
    {
        var faults = new Faults();
        foreach (var (point, action) in _options.Debug.FaultPoints)
        {
            faults.Arm(point, action);
        }

        return faults;
    }

    private T Keep<T>(T part)
        where T : IDisposable
    {
        _parts.Push(() =>
        {
            part.Dispose();
            return ValueTask.CompletedTask;
        });
        return part;
    }
}
