using System.Globalization;
using System.Net;
using Dotmesh.Actors;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Transfers;
using Dotmesh.Actors.Trust;
using Dotmesh.Actors.Users;
using Dotmesh.Node.Options;
using Dotmesh.Rpc;
using Dotmesh.Rpc.Nodes;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Dotmesh.Node.Hosting;

/// <summary>What a node with a shared database has besides: its lease, a listener for the other nodes, and a client to them.</summary>
internal sealed class ClusterEntrance(
    NodeOptions options, SqlDatabase database, StorageNodeId pool, SecretBox secrets, NodeTls? tls, TimeProvider clock,
    ILoggerFactory logs)
    : IAsyncDisposable
{
    private readonly NodeSignature _signature = new(secrets.DeriveKey(NodeSignature.Purpose, 32), clock);
    private readonly HttpClient _http = NodeHttp.Client(tls);

    private WebApplication? _app;
    private NodeEndpoints? _endpoints;
    private NodeRegistry? _registry;
    private LeaseKeeper? _lease;

    /// <summary>For questions about transfers; null before it is open.</summary>
    public ITransferLink? Link { get; private set; }

    /// <summary>From now on there is somebody who answers the other nodes about transfers.</summary>
    public void Serve(ITransferAnswers answers) => _endpoints?.Serve(answers);

    /// <summary>Before anything of the pool or the tables is changed.</summary>
    public async Task<NodeRegistry> Claim(IIdSource ids, Action<string> lost, CancellationToken ct)
    {
        var ttl = TimeSpan.FromSeconds(options.Cluster.LeaseSeconds);
        var registry = new NodeRegistry(
            database,
            new NodeIdentity(
                pool, ids.NewId(), options.Cluster.Hostname, Convert.ToHexStringLower(secrets.DeriveKey("proof of membership", 16))),
            new LeaseTimes(ttl, ttl / 3, ttl / 6),
            clock,
            logs.CreateLogger<NodeRegistry>());
        await registry.Claim(ct);
        _registry = registry;
        _lease = new LeaseKeeper(registry, lost, clock, logs.CreateLogger<LeaseKeeper>());
        // before remoting is there for the others to dial: who dials one that it does not trust goes down (CertificateJudge)
        await new PeerHandshake(_http, registry, tls is not null).Check(clock, ct);
        return registry;
    }

    /// <summary>Listens for the other nodes; they are answered once the actors run.</summary>
    /// <param name="ended">Told when the cluster has put this node out.</param>
    public async Task<ClusterParts> Open(NodeRegistry registry, Action<string> ended, CancellationToken ct)
    {
        var endpoints = new NodeEndpoints(_signature, logs.CreateLogger<NodeEndpoints>());
        var port = await Listen(endpoints, ct);
        var url = string.Create(CultureInfo.InvariantCulture, $"{(tls is null ? "http" : "https")}://{options.Cluster.Hostname}:{port}");
        _endpoints = endpoints;
        var link = new NodeLink(_http, _signature, node => registry.Find(node)?.Url);
        Link = link;
        return new ClusterParts(
            database,
            registry,
            link,
            link,
            url,
            [.. options.Cluster.Seeds.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)],
            (answers, replicas) =>
            {
                endpoints.Serve(answers);
                endpoints.Serve(replicas);
            },
            new ReplicationSettings(options.Replication.Copies, options.Replication.AtOnce),
            options.Failover.Mode == FailoverMode.Automatic,
            ended);
    }

    /// <summary>The lease is not held any more: others may take the dots, so nothing may run here that works on them.</summary>
    public async Task GiveUp()
    {
        if (Interlocked.Exchange(ref _lease, null) is { } lease)
        {
            await lease.DisposeAsync();
            await GiveBack();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        await GiveUp();
        _http.Dispose();
    }

    private async Task GiveBack()
    {
        try
        {
            await _registry!.Leave(CancellationToken.None);
        }
        catch (DatabaseException failure)
        {
            logs.CreateLogger<LeaseKeeper>().LogWarning("The lease was not given back and ends by itself: {Failure}", failure.Message);
        }
    }

    private async Task<int> Listen(NodeEndpoints endpoints, CancellationToken ct)
    {
        var address = await Address(ct);
        var builder = NodeServer.Builder(logs);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            RpcServer.Configure(kestrel);
            kestrel.Listen(address, options.Listen.NodePort, listen => NodeHttp.Protect(listen, tls));
        });
        _app = builder.Build();
        _app.Run(endpoints.Handle);
        try
        {
            await _app.StartAsync(ct);
        }
        catch (IOException inUse) when (inUse.InnerException is AddressInUseException)
        {
            throw new StartFailureException(
                $"Another program listens on {address} port {options.Listen.NodePort}: --listen:nodeport=N chooses another.", inUse);
        }

        var bound = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return BindingAddress.Parse(bound).Port;
    }

    /// <summary>What remoting binds, so do the streams.</summary>
    private async Task<IPAddress> Address(CancellationToken ct)
    {
        var name = options.Cluster.BindAddress.Length > 0 ? options.Cluster.BindAddress : options.Cluster.Hostname;
        if (IPAddress.TryParse(name, out var address))
        {
            return address;
        }

        try
        {
            return (await Dns.GetHostAddressesAsync(name, ct))[0];
        }
        catch (System.Net.Sockets.SocketException unknown)
        {
            throw new StartFailureException(
                $"Cluster:Hostname {name} has no address here ({unknown.Message}): correct it, or give Cluster:BindAddress.", unknown);
        }
    }
}
