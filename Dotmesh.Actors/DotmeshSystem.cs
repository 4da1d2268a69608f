using System.Collections.Immutable;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster;
using Akka.Configuration;
using Akka.Persistence.Sql;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Filesystems;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Actors.Trust;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors;

/// <param name="Journal">Where the dots' events are.</param>
/// <param name="ContainerMountPrefix">Where <c>Procure</c> makes its links, <c>CONTAINER_MOUNT_PREFIX</c>.</param>
public sealed record DotmeshSystemSettings(JournalSettings Journal, string ContainerMountPrefix)
{
    /// <summary>What other nodes dial.</summary>
    public string RemotingHost { get; init; } = "127.0.0.1";

    /// <summary>What is bound where that differs; empty: <see cref="RemotingHost"/>.</summary>
    public string BindAddress { get; init; } = "";

    /// <summary>Port that other nodes dial where it is mapped; 0: the port itself.</summary>
    public int PublicPort { get; init; }

    /// <summary>Encrypts what nodes say to each other; null: it goes in clear.</summary>
    public NodeTls? Tls { get; init; }

    /// <summary>0: any free port.</summary>
    public int RemotingPort { get; init; }

    /// <summary>What this node tells about its addresses (contract 3.5); empty: the remoting host.</summary>
    public ImmutableArray<string> Addresses { get; init; } = [];

    /// <summary>A call that has no answer by then is answered <see cref="RefusalCode.Expired"/>.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Requests that the gateway has sent and that are not answered.</summary>
    public int MaxInFlight { get; init; } = 1024;

    /// <summary>Commands that one dot takes before it refuses more.</summary>
    public int MaxQueuedPerDot { get; init; } = 128;

    /// <summary>A dot that nobody asked anything leaves memory after it.</summary>
    public TimeSpan Passivation { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A list waits so long for what other nodes know, then shows what it has.</summary>
    public TimeSpan ListBudget { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Sizes younger than this are not measured again.</summary>
    public TimeSpan UsageAge { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Who asks for sizes waits this long, then gets the last known ones.</summary>
    public TimeSpan UsageBudget { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether the database can be reached now.</summary>
    public Func<CancellationToken, Task<bool>> DatabaseAnswers { get; init; } = static _ => Task.FromResult(true);

    /// <summary>
    /// Specs: commands and replies are written and read even when they stay on the node. (Akka's own
    /// <c>serialize-messages</c> cannot: messages of its journal have no serializer.)
    /// </summary>
    public bool SerializeMessages { get; init; }
}

/// <summary>
/// The actors of one node: the journal, its place in the cluster, the shard region of dots and the gateway. Started and
/// stopped by the host, and never ends its process.
/// </summary>
public sealed class DotmeshSystem : IAsyncDisposable
{
    private const string PutOut = "the cluster has put this node out";

    private readonly ActorSystem _system;
    private readonly CancellationTokenSource _stopping;
    private readonly ILogger _log;
    private readonly DotsFacade _facade;
    private Task _mounting = Task.CompletedTask;
    private ClusterParts? _cluster;
    private EngineContainers? _engine;
    private int _disposed;

    private DotmeshSystem(ActorSystem system, DotsFacade dots, PoolIndex index, CancellationTokenSource stopping, ILogger log)
    {
        _system = system;
        _facade = dots;
        Index = index;
        _stopping = stopping;
        _log = log;
    }

    public IDots Dots => _facade;

    /// <summary>Null when it was started without.</summary>
    public ITransfers? Transfers { get; private init; }

    /// <summary>Null where no container engine is served.</summary>
    public IVolumes? Volumes { get; private init; }

    /// <summary>Filesystems in the pool of this node: master branches and others.</summary>
    public int Filesystems => Index.Filesystems;

    internal PoolIndex Index { get; }

    internal ActorSystem System => _system;

    /// <summary>
    /// Mends the pool, reads it, starts the actors and repairs what a crash left. Answers when requests can be served.
    /// The storage stays the caller's to dispose, after this system.
    /// </summary>
    public static async Task<DotmeshSystem> Start(
        DotmeshSystemSettings settings, IStorage storage, IDirectory directory, IUsers users, Faults faults,
        TimeProvider time, IIdSource ids, ILoggerFactory log, CancellationToken ct, ClusterParts? cluster = null,
        TransferServices? transfers = null, ContainerServices? containers = null)
    {
        var logger = log.CreateLogger<DotmeshSystem>();
        var pool = await storage.Pool(ct);
        foreach (var mended in await storage.Recover(ct))
        {
            logger.LogWarning("pool {Pool}: {Mended}", pool.Name, mended);
        }

        var index = new PoolIndex();
        index.Load(await storage.List(ct));
        var stopping = new CancellationTokenSource();
        var env = new DotEnvironment(
            pool.Id, storage, directory, index, new FilesystemStates(index),
            new UsageCache(storage, time, settings.UsageAge, settings.UsageBudget, logger, stopping.Token),
            new MountLinks(settings.ContainerMountPrefix), faults, time, ids, log.CreateLogger("Dotmesh.Dots"),
            settings.MaxQueuedPerDot, stopping.Token);

        var engine = await Watch(containers, env, ids, log, ct);
        var system = CreateSystem(settings, pool.Id, cluster?.Registry.Self.Incarnation ?? "", log);
        try
        {
            var (facade, members) = await StartActors(system, settings, env, users, cluster, ct);
            var repair = new PoolRepair(env, users, facade.Wake);
            await repair.Run(ct);
            logger.LogInformation("storage node {Node}: {Dots} dots, {Filesystems} filesystems",
                pool.Id, directory.Dots.Count, index.Filesystems);
            return new DotmeshSystem(system, facade, index, stopping, logger)
            {
                _cluster = cluster,
                _engine = engine,
                Volumes = engine is null ? null : new VolumesFacade(facade, env, engine, containers!.Definitions, containers.Settings.IsElsewhere),
                Transfers = transfers is null ? null : StartTransfers(system, settings, env, facade, users, members, transfers),
                _mounting = Background(repair.MountAll, logger, stopping.Token),
            };
        }
        catch
        {
            await stopping.CancelAsync();
            await system.Terminate();
            await End(engine);
            stopping.Dispose();
            throw;
        }
    }

    /// <summary>From now on mounts of containers are answered: what was stopped for an operation that was cut off is started again.</summary>
    public void ServeContainers() => _engine?.Serve();

    /// <summary>Hands the dots of this node over to the others, as many as the token allows; nothing where there are none.</summary>
    public async Task HandOver(CancellationToken ct)
    {
        if (_cluster is not null && await _facade.Drain(ct) is { } drained)
        {
            _log.LogInformation("handed over {Moved} dots before stopping, {Left} are left {Reasons}", drained.Moved, drained.Left, drained.Reasons);
        }
    }

    /// <summary>Lets what runs finish its step, leaves the cluster, stops the actors.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        if (_cluster is not null)
        {
            // the others see this node leave; what it still writes they read when it is gone
            _cluster.Database.Changes.Publish = _ => Task.CompletedTask;
        }

        await CoordinatedShutdown.Get(_system).Run(CoordinatedShutdown.ActorSystemTerminateReason.Instance);
        await _stopping.CancelAsync();
        await _system.WhenTerminated;
        await _mounting;
        await End(_engine);
        _stopping.Dispose();
        _log.LogDebug("actors stopped");
    }

    /// <summary>Everything stops where it is, nothing is said to anybody: for a node that has lost its place among the others.</summary>
    public async Task Abandon()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await _stopping.CancelAsync();
            await _system.Terminate();
            await _mounting;
            await End(_engine);
            _stopping.Dispose();
        }
    }

    /// <summary>Before the pool is repaired: what containers use is left to them.</summary>
    private static async Task<EngineContainers?> Watch(
        ContainerServices? services, DotEnvironment env, IIdSource ids, ILoggerFactory log, CancellationToken ct)
    {
        if (services is null)
        {
            return null;
        }

        var engine = new EngineContainers(
            services.Engine, new MountPlaces(services.Settings.Driver, services.Definitions, env.Links, env.Directory), services.Settings, env.Faults, env.Time, ids, log.CreateLogger("Dotmesh.Containers"));
        env.Containers = engine;
        await engine.Start(ct);
        return engine;
    }

    private static async Task End(EngineContainers? engine)
    {
        if (engine is not null)
        {
            await engine.DisposeAsync();
        }
    }

    private static ActorSystem CreateSystem(
        DotmeshSystemSettings settings, StorageNodeId node, string incarnation, ILoggerFactory log)
    {
        var config = ConfigurationFactory.ParseString(DotmeshHocon.Make(settings, node, incarnation))
            .WithFallback(SqlPersistence.DefaultConfiguration);
        var setup = ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), new LogSetup(log));
        return ActorSystem.Create("dotmesh", settings.Tls is { } tls ? setup.And(tls.Remoting()) : setup);
    }

    private static TransfersFacade StartTransfers(
        ActorSystem system, DotmeshSystemSettings settings, DotEnvironment env, DotsFacade dots, IUsers users, Membership members,
        TransferServices services)
    {
        var parts = new TransferParts(
            env, dots, users, members, new TransferTables(services.Database), services, new TransferLimits(services.Settings, env.Time),
            new Receiver(env, dots, users, members, services.Link), new JournalReader(settings.Journal));
        var actor = system.ActorOf(Props.Create(() => new TransfersActor(parts)), "transfers");
        var facade = new TransfersFacade(parts, actor);
        services.Serve(facade);
        return facade;
    }

    private static async Task<(DotsFacade Dots, Membership Members)> StartActors(
        ActorSystem system, DotmeshSystemSettings settings, DotEnvironment env, IUsers users, ClusterParts? parts, CancellationToken ct)
    {
        system.ActorOf(Props.Create(() => new JournalOpener(env.Node)), "journal-opener");
        var members = new Membership(system, env.Log);
        var answers = new NodeAnswers(env, settings.DatabaseAnswers);
        DotsFacade? facade = null;
        if (parts is null)
        {
            var cluster = Cluster.Get(system);
            await cluster.JoinAsync(cluster.SelfAddress, ct);
        }
        else
        {
            var copies = ReplicationParts.Start(
                system, env, members, parts,
                (dot, filesystem, token) => facade is { } ready
                    ? ready.TakeIn(dot, filesystem, token)
                    : Task.FromResult<Outcome<Done>>(Refusals.NodeStarting()),
                (dot, seen, token) => facade is { } ready
                    ? ready.AskBack(dot, seen, token)
                    : Task.FromResult<Outcome<Done>>(Refusals.NodeStarting()));
            parts.Serve(answers, copies.Answers);
            await Join(system, settings, env, members, copies, parts, ct);
        }

        var region = await DotSharding.Start(system, env);
        await Prime(region, env.Node, ct);
        system.ActorOf(Props.Create(() => new ShardPrimer(region)), "primer");
        var gateway = system.ActorOf(
            Props.Create(() => new GatewayActor(
                region, env.Directory, members, env.DatabaseAway, env.Time, settings.MaxInFlight, settings.SerializeMessages, env.Log)),
            "gateway");
        facade = new DotsFacade(gateway, env, users, new NodeViews(env, members, answers, parts, settings), members, settings);
        return (facade, members);
    }

    private static async Task Join(
        ActorSystem system, DotmeshSystemSettings settings, DotEnvironment env, Membership members, ReplicationParts copies,
        ClusterParts parts, CancellationToken ct)
    {
        system.ActorOf(
            Props.Create(() => new PeerActor(parts.Database, copies.Replicator, env.Log)), PeerActor.Name);
        await new ClusterEntry(system, parts, settings.Addresses, env.Log).Join(env.Time, ct);
        members.DownPredecessors(env.Node);
        // at once, and not when all that runs in the actor system has come to an end
        Cluster.Get(system).RegisterOnMemberRemoved(() => parts.Ended(PutOut));
        _ = TellEnd(system, parts);
        parts.Database.Changes.Publish = members.Tell;
        // what was written between the opening of the tables and now
        await parts.Database.RefreshAll(ct);
    }

    private static async Task TellEnd(ActorSystem system, ClusterParts parts)
    {
        await system.WhenTerminated;
        parts.Ended(PutOut);
    }

    /// <summary>The first message to a shard waits for its allocation: it is this one and not a user's.</summary>
    private static async Task Prime(IActorRef region, StorageNodeId node, CancellationToken ct)
    {
        const int Tries = 30;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await region.Ask<ShardPrimed>(new PrimeShard(node), TimeSpan.FromSeconds(2), ct);
                return;
            }
            catch (AskTimeoutException late)
            {
                // the coordinator may still be coming up
                if (attempt == Tries)
                {
                    throw new NodeRefusedException(
                        $"The cluster gave no place to the dots of node {node} within a minute ({late.Message}): a member that is unreachable "
                        + "and has not lost its lease holds everything up. It is tried again; look at the other nodes.")
                    {
                        Passes = true,
                    };
                }
            }
        }
    }

    private static async Task Background(Func<CancellationToken, Task> work, ILogger log, CancellationToken stopping)
    {
        try
        {
            await Task.Run(() => work(stopping), stopping);
        }
        catch (OperationCanceledException)
        {
            log.LogDebug("mounting ended with the node");
        }
    }
}
