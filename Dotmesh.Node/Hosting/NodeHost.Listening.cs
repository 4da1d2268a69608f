using System.Net;
using System.Net.Sockets;
using Dotmesh.Actors;
using Dotmesh.Actors.Users;
using Dotmesh.Node.Options;
using Dotmesh.Rpc;
using Dotmesh.Rpc.Http;
using Dotmesh.WebConsole.Serving;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Dotmesh.Node.Hosting;

/// <summary>The listeners for clients: they come last and go first.</summary>
public sealed partial class NodeHost
{
    private async Task<(int Reference, int Client)> Listen(
        RpcPipeline pipeline, IUsers users, StorageNodeId node, ILoggerFactory logs, CancellationToken ct)
    {
        var address = IPAddress.Parse(_options.Listen.Address);
        var builder = NodeServer.Builder(logs);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = StopLimit);
        NodeTelemetry.Configure(builder.Services, _options.Telemetry, node.Value, ProductVersion.Text);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            RpcServer.Configure(kestrel);
            kestrel.Listen(address, _options.Listen.ReferencePort, listen => listen.ServeReference());
            kestrel.Listen(address, _options.Listen.ClientPort);
        });
        // in the place of the server's own
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, LargeBlocks>();

        var withConsole = _options.Listen.Console == Answer.Yes;
        if (withConsole)
        {
            var keys = Path.Combine(_options.Node.DataFolder, "console-keys");
            builder.Services.AddDotmeshConsole(new NodeConsole(pipeline, users, node, keys, TimeProvider.System, new RandomIds()));
        }

        var app = builder.Build();
        app.UseDotmesh(pipeline);
        if (withConsole)
        {
            app.UseDotmeshConsole();
        }

        try
        {
            await app.StartAsync(ct);
        }
        catch (IOException inUse) when (inUse.InnerException is AddressInUseException)
        {
            await app.DisposeAsync();
            throw PortInUse(address, inUse);
        }
        catch (Exception refused) when (refused is SocketException or IOException)
        {
            await app.DisposeAsync();
            throw new StartFailureException($"Cannot listen on {address}: {refused.Message}", refused);
        }

        _parts.Push(async () =>
        {
            using var limit = new CancellationTokenSource(StopLimit);
            await app.StopAsync(limit.Token);
            await app.DisposeAsync();
        });
        var ports = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(bound => BindingAddress.Parse(bound).Port).ToArray();
        return (ports[0], ports[1]);
    }

    private StartFailureException PortInUse(IPAddress address, Exception inner)
    {
        var taken = new[] { ("referenceport", _options.Listen.ReferencePort), ("clientport", _options.Listen.ClientPort) }
            .Where(port => port.Item2 != 0 && IsTaken(address, port.Item2))
            .Select(port => $"port {port.Item2} (--listen:{port.Item1}=N chooses another)");
        return new StartFailureException(
            $"Another program listens on {address}: {string.Join(", ", taken.DefaultIfEmpty("a port of this node"))}.", inner);
    }

    private static bool IsTaken(IPAddress address, int port)
    {
        using var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            probe.Bind(new IPEndPoint(address, port));
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
