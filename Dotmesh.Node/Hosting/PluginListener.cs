using System.Net.Sockets;
using Dotmesh.Node.Access;
using Dotmesh.Rpc.Docker;

namespace Dotmesh.Node.Hosting;

/// <summary>
/// The volume plugin's socket. It is there before anything else of the node and goes last: an engine whose plugin is silent waits for it
/// with everything, and one that is told why goes on.
/// </summary>
internal sealed class PluginListener : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly WebApplication _app;
    private readonly string _socket;

    private PluginListener(WebApplication app, string socket)
    {
        _app = app;
        _socket = socket;
    }

    /// <summary>A socket that nobody listens on any more is replaced; one that somebody does is a <see cref="StartFailureException"/>.</summary>
    public static async Task<PluginListener> Open(string socket, VolumePlugin plugin, ILoggerFactory logs, CancellationToken ct)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(socket)!);
            await MakeWay(socket, ct);
            var app = Build(socket, plugin, logs);
            await app.StartAsync(ct);
            // who can write to it can mount and make any dot
            PrivateFile.SetMode(socket, PrivateFile.OwnerReadWrite);
            return new PluginListener(app, socket);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or SocketException)
        {
            throw new StartFailureException(
                $"Cannot listen on {socket}: {refused.GetBaseException().Message}. The volume plugin needs a folder that this user may write to "
                + "(Docker:PluginSocket), and Docker looks for plugins in /run/docker/plugins.",
                refused);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(StopLimit);
        await _app.StopAsync(limit.Token);
        await _app.DisposeAsync();
        File.Delete(_socket);
    }

    private static WebApplication Build(string socket, VolumePlugin plugin, ILoggerFactory logs)
    {
        var builder = NodeServer.Builder(logs);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = StopLimit);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenUnixSocket(socket);
        });
        var app = builder.Build();
        app.Run(plugin.Handle);
        return app;
    }

    /// <summary>A socket cannot be opened as a file.</summary>
    private static bool IsOrdinary(string path)
    {
        try
        {
            using var opened = File.OpenHandle(path);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task MakeWay(string socket, CancellationToken ct)
    {
        if (!File.Exists(socket))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(socket), ct);
        }
        catch (SocketException nobody) when (nobody.SocketErrorCode == SocketError.ConnectionRefused)
        {
            if (IsOrdinary(socket))
            {
                throw new StartFailureException($"{socket} is a file and no socket: --docker:pluginsocket=PATH chooses another place for the volume plugin.");
            }

            File.Delete(socket);
            return;
        }

        throw new StartFailureException(
            $"Another program, perhaps another node on this host, serves the volume plugin on {socket}: --docker:pluginsocket=PATH chooses another.");
    }
}
