using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage.Directory;
using Dotmesh.Actors.Storage.Zfs;
using Dotmesh.Actors.Transfers;
using Dotmesh.Actors.Users;
using Dotmesh.Rpc;
using Dotmesh.Rpc.Http;
using Dotmesh.Rpc.Peers;
using Dotmesh.Specs.Unit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dotmesh.Specs.Support;

/// <summary>
/// The API on Kestrel with real users. The domain is <see cref="FakeDots"/>, or, <see cref="StartNode"/>, the actors,
/// directory and journal of a real node.
/// </summary>
internal sealed class RpcHost : IAsyncDisposable
{
    public const string ApiKey = "VVKGYCC3G4K5G2QM3GLIVTECVSBWWJZD";
    public const string Password = "correcthorsebattery";

    private readonly DatabaseFixture _data;
    private readonly SqlUsers _users;
    private readonly OneNode? _node;
    private readonly Func<RpcServices, RpcServices> _change;
    private readonly ZfsPool? _pool;
    private WebApplication _app = null!;
    private RpcPipeline _pipeline = null!;
    private HttpClient _http = null!;
    private Uri[] _addresses = null!;

    private RpcHost(
        DatabaseFixture data, SqlUsers users, OneNode? node, Func<RpcServices, RpcServices>? change, ZfsPool? pool = null) =>
        (_data, _users, _node, _change, _pool) = (data, users, node, change ?? (services => services), pool);

    public IDots Dots { get; private set; } = null!;

    /// <summary>The real node; throws when there is none.</summary>
    public OneNode Node => _node ?? throw new InvalidOperationException("started with FakeDots");

    public FakeDots Fake => (FakeDots)Dots;

    public SqlUsers Users => _users;

    public RpcPipeline Pipeline => _pipeline;

    /// <summary>Where the node's filesystems are mounted: <c>dmfs/ID</c> below it.</summary>
    public string MountPrefix => _pool?.Mounts ?? Path.Combine(Node.Folder, "mounts");

    /// <summary>To the client port.</summary>
    public HttpClient Http => _http;

    public Uri ClientPort => _addresses[1];

    public Uri ReferencePort => _addresses[0];

    public static async Task<RpcHost> Start(Func<RpcServices, RpcServices>? change = null)
    {
        var (data, _, users) = await OpenUsers();
        var faults = new Faults();
        var host = new RpcHost(data, users, null, change);
        await host.Open(new FakeDots(users, faults, TimeProvider.System, new RandomIds()), faults);
        return host;
    }

    /// <summary>With the actors, directory, journal and storage of a real node.</summary>
    /// <param name="pool">Null: directory storage.</param>
    public static async Task<RpcHost> StartNode(Func<RpcServices, RpcServices>? change = null, ZfsPool? pool = null)
    {
        var (data, database, users) = await OpenUsers();
        var node = OneNode.New();
        node.Users = users;
        node.Directory = await SqlDirectory.Open(database, TimeProvider.System, NullLoggerFactory.Instance, default);
        node.Transfers = new TransferServices(
            database,
            Dotmesh.Actors.Users.SecretBox.Open(data.SecretFile),
            new HttpPeers(PeerHttp.Make(new PeerHttpSettings()).Value, new PeerLimits(), TimeProvider.System),
            null,
            new TransferSettings());
        var host = new RpcHost(data, users, node, change, pool);
        await host.StartActors();
        return host;
    }

    /// <summary>The node dies and starts again on the same pool, journal and database; listeners and ports are new.</summary>
    public async Task Restart()
    {
        await Close();
        await Node.System.Abandon();
        await Node.Storage.DisposeAsync();
        await StartActors();
    }

    private static async Task<(DatabaseFixture Data, SqlDatabase Database, SqlUsers Users)> OpenUsers()
    {
        var data = new DatabaseFixture();
        var database = await data.Open();
        var users = await data.OpenUsers(database);
        await users.EnsureAdmin(Password, ApiKey, default);
        return (data, database, users);
    }

    private async Task StartActors()
    {
        Node.Storage = _pool is null
            ? await DirectoryStorage.Open(
                new DirectoryStorageOptions { Root = Path.Combine(Node.Folder, "pool"), MountPrefix = MountPrefix },
                Node.Faults,
                TimeProvider.System,
                NullLoggerFactory.Instance,
                default)
            : await ZfsStorage.Open(
                new ZfsStorageOptions(_pool.Name, MountPrefix),
                _pool.Runner,
                Node.Faults,
                TimeProvider.System,
                NullLoggerFactory.Instance,
                default);
        await Node.Start();
        await Open(Node.Dots, Node.Faults);
    }

    private async Task Open(IDots dots, Faults faults)
    {
        Dots = dots;
        var services = new RpcServices
        {
            Dots = dots,
            Transfers = _node?.System.Transfers,
            Users = _users,
            Faults = faults,
            Clock = TimeProvider.System,
            Ids = new RandomIds(),
            Logs = NullLoggerFactory.Instance,
            Throttle = new LoginThrottle(TimeProvider.System),
            Pool = _node is null ? null : _node.Storage.Pool,
        };
        _pipeline = new RpcPipeline(_change(services));
        _app = await Listen(_pipeline);
        _addresses = [.. _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => new Uri(address))];
        _http = new HttpClient { BaseAddress = _addresses[1] };
    }

    private async Task Close()
    {
        _http.Dispose();
        await _app.DisposeAsync();
        _pipeline.Dispose();
    }

    /// <summary>One call as admin with the API key; the whole reply.</summary>
    public async Task<JsonElement> Call(string method, object? parameters = null, string user = "admin", string secret = ApiKey)
    {
        var body = JsonSerializer.Serialize(
            new { jsonrpc = "2.0", method = $"DotmeshRPC.{method}", @params = parameters, id = 1 });
        using var reply = await Post(body, user, secret);
        Assert200(reply);
        return JsonElement.Parse(await reply.Content.ReadAsStringAsync());
    }

    public async Task<JsonElement> Result(string method, object? parameters = null, string user = "admin", string secret = ApiKey)
    {
        var reply = await Call(method, parameters, user, secret);
        return reply.TryGetProperty("result", out var result)
            ? result
            : throw new InvalidOperationException($"{method} was refused: {reply}");
    }

    public async Task<string> Error(string method, object? parameters = null, string user = "admin", string secret = ApiKey)
    {
        var reply = await Call(method, parameters, user, secret);
        return reply.TryGetProperty("error", out var error)
            ? error.GetProperty("message").GetString()!
            : throw new InvalidOperationException($"{method} was not refused: {reply}");
    }

    public Task<HttpResponseMessage> Post(string body, string? user = "admin", string secret = ApiKey, Uri? port = null) =>
        Post(Encoding.UTF8.GetBytes(body), user, secret, port);

    public Task<HttpResponseMessage> Post(byte[] body, string? user = "admin", string secret = ApiKey, Uri? port = null)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(port ?? ClientPort, "/rpc")) { Content = content };
        request.Headers.Authorization = user is null ? null : Basic(user, secret);
        return _http.SendAsync(request);
    }

    public static AuthenticationHeaderValue Basic(string user, string secret) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{secret}")));

    public async ValueTask DisposeAsync()
    {
        await Close();
        if (_node is not null)
        {
            await _node.System.DisposeAsync();
            await _node.Storage.DisposeAsync();
            await _node.DisposeAsync();
        }

        _users.Dispose();
        await _data.DisposeAsync();
    }

    private static async Task<WebApplication> Listen(RpcPipeline pipeline)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            RpcServer.Configure(kestrel);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.ServeReference());
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        var app = builder.Build();
        app.UseDotmesh(pipeline);
        await app.StartAsync();
        return app;
    }

    private static void Assert200(HttpResponseMessage reply)
    {
        if (reply.StatusCode != HttpStatusCode.OK)
        {
            throw new InvalidOperationException($"status {(int)reply.StatusCode}");
        }
    }
}
