using System.Net;
using System.Net.Sockets;
using Dotmesh.Actors;
using Dotmesh.Rpc.Peers;
using Dotmesh.Specs.Support;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>How another cluster is found (contract 1.7).</summary>
public sealed class PeersReachSpec : IDisposable
{
    private readonly CertificateFolder _certificates = new();

    [Fact]
    public async Task A_given_port_is_asked_over_http_with_a_ping_and_the_real_credentials()
    {
        await using var stub = await PeerStub.Answering("");
        using var client = new PeerClient();
        var peer = (await client.Reach(stub.Port)).Value;
        Assert.Equal($"http://127.0.0.1:{stub.Port}", peer.Url);
        Assert.Equal(
            $$"""
            POST /rpc HTTP/1.1
            Authorization: Basic {{PeerClient.Basic}}
            Content-Type: application/json

            {"jsonrpc":"2.0","method":"DotmeshRPC.Ping","params":null,"id":1}
            """,
            Assert.Single(stub.Seen));
    }

    [Fact]
    public async Task Without_a_port_https_comes_first_then_http_then_the_port_of_clusters()
    {
        await using var stub = await PeerStub.Answering("");
        var dialled = new List<int>();
        using var client = new PeerClient(change: handler => handler.ConnectCallback = async (context, ct) =>
        {
            dialled.Add(context.DnsEndPoint.Port);
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port == 32607 ? stub.Port : throw new SocketException((int)SocketError.ConnectionRefused), ct);
            return new NetworkStream(socket, ownsSocket: true);
        });
        var peer = (await client.Reach(0, "hub.example.com")).Value;
        Assert.Equal("http://hub.example.com:32607", peer.Url);
        Assert.Equal([443, 80, 32607], dialled);
    }

    [Fact]
    public async Task Where_nobody_answers_all_addresses_and_reasons_are_told()
    {
        using var client = new PeerClient(change: handler => handler.ConnectCallback = (context, _) =>
            throw new SocketException((int)(context.DnsEndPoint.Port == 80 ? SocketError.HostUnreachable : SocketError.ConnectionRefused)));
        Assert.Equal(
            "Unable to connect to any of the addresses attempted: [https://hub.example.com:443 http://hub.example.com:80 http://hub.example.com:32607], "
            + "errs: [https://hub.example.com:443: Connection refused; http://hub.example.com:80: No route to host; "
            + "http://hub.example.com:32607: Connection refused]",
            await client.Unreachable(0, "hub.example.com"));
    }

    [Fact]
    public async Task A_wrong_key_is_told_as_such_and_a_given_port_is_not_tried_again()
    {
        await using var stub = await PeerStub.Start(context =>
        {
            context.Response.StatusCode = 401;
            return context.Response.WriteAsync("Unauthorized.\n");
        });
        using var client = new PeerClient();
        Assert.Equal(
            $"Unable to connect to any of the addresses attempted: [http://127.0.0.1:{stub.Port}], errs: [Permission denied. Please check that your API "
            + $"key is still valid. (http://127.0.0.1:{stub.Port} does not let alice in: Unauthorized.)]",
            await client.Unreachable(stub.Port));
        Assert.Single(stub.Seen);
    }

    [Theory]
    [InlineData("{\"jsonrpc\":\"2.0\",\"result\":\"true\",\"id\":1}", true)]
    [InlineData("{\"result\":true}", true)]
    [InlineData("{\"jsonrpc\":\"2.0\",\"result\":true,\"error\":null,\"id\":7}", true)]
    [InlineData("{\"jsonrpc\":\"2.0\",\"result\":false,\"id\":1}", false)]
    [InlineData("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"no\",\"data\":null},\"id\":1}", false)]
    [InlineData("<html>It works!</html>", false)]
    [InlineData("", false)]
    public async Task Only_who_answers_true_is_a_cluster(string answer, bool found)
    {
        await using var stub = await PeerStub.Start(context => context.Response.WriteAsync(answer));
        using var client = new PeerClient();
        var outcome = await client.Reach(stub.Port);
        Assert.Equal(found, outcome.Refusal is null);
    }

    [Fact]
    public async Task A_port_that_takes_connections_and_says_nothing_is_given_up_soon()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var limit = TimeSpan.FromMilliseconds(300);
        using var client = new PeerClient(new PeerLimits { Probe = limit }, new PeerHttpSettings { Connect = limit });
        var began = TimeProvider.System.GetTimestamp();
        var text = await client.Unreachable(port);
        Assert.Contains($"http://127.0.0.1:{port}: DotmeshRPC.Ping was not answered within 0.3 s", text, StringComparison.Ordinal);
        Assert.Contains($"https://127.0.0.1:{port}: ", text, StringComparison.Ordinal);
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task A_port_where_connections_are_not_even_taken_is_given_up_soon()
    {
        // a queue of one that is full: further connections hang, as behind a firewall that drops them
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await first.ConnectAsync(full.LocalEndPoint!);
        using var client = new PeerClient(settings: new PeerHttpSettings { Connect = TimeSpan.FromMilliseconds(300) });
        var text = await client.Unreachable(((IPEndPoint)full.LocalEndPoint!).Port);
        Assert.Contains("ConnectTimeout", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_gives_up_is_not_told_of_addresses()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new PeerClient();
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.Reach(((IPEndPoint)listener.LocalEndpoint).Port, ct: stop.Token));
    }

    [Theory]
    [InlineData("")]
    [InlineData("http://host")]
    [InlineData("host/path")]
    [InlineData("host:80")]
    [InlineData("alice@host")]
    [InlineData("alice:MYRJNBIKDMT7OCAZYEHM2YITDS4TK3EY@host")]
    [InlineData("ho st")]
    [InlineData("host?x")]
    [InlineData("host#x")]
    [InlineData("host\r\nHost: other")]
    [InlineData("[::1]")]
    [InlineData("fe80::1%25lo")]
    [InlineData("h\u00f6st")]
    public async Task What_is_no_host_is_refused_before_anybody_is_asked(string host)
    {
        using var client = new PeerClient(change: handler => handler.ConnectCallback = (_, _) => throw new InvalidOperationException("dialled"));
        PeerClient.Refused(await client.Reach(6969, host), RefusalCode.Invalid);
        PeerClient.Refused(await client.Reach(0, host), RefusalCode.Invalid);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(65536)]
    public async Task What_is_no_port_is_refused(int port)
    {
        using var client = new PeerClient();
        PeerClient.Refused(await client.Reach(port), RefusalCode.Invalid);
    }

    [Fact]
    public async Task An_ipv6_address_is_written_in_brackets()
    {
        using var client = new PeerClient(change: handler => handler.ConnectCallback = (_, _) => throw new SocketException((int)SocketError.ConnectionRefused));
        Assert.Contains("[http://[::1]:6969 https://[::1]:6969]", await client.Unreachable(6969, "::1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_of_a_private_authority_is_believed_where_the_authority_is_named_and_nowhere_else()
    {
        using var node = _certificates.Node();
        await using var stub = await PeerStub.Start(context => context.Response.WriteAsync(PeerStub.Result("true")), node);
        using (var client = new PeerClient(settings: new PeerHttpSettings { CaFile = _certificates.CaFile }))
        {
            Assert.Equal($"https://127.0.0.1:{stub.Port}", (await client.Reach(stub.Port)).Value.Url);
            Assert.Contains("NameMismatch", await client.Unreachable(stub.Port, "localhost"), StringComparison.Ordinal);
        }

        using var stranger = new PeerClient();
        Assert.Contains("certificate is invalid", await stranger.Unreachable(stub.Port), StringComparison.Ordinal);
        using var other = new CertificateFolder("another authority");
        using var misled = new PeerClient(settings: new PeerHttpSettings { CaFile = other.CaFile });
        Assert.Contains("its certificate is not trusted: RemoteCertificateChainErrors", await misled.Unreachable(stub.Port), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_certificate_is_not_believed()
    {
        using var node = _certificates.Node(CertificateFolder.Now.AddDays(-1));
        await using var stub = await PeerStub.Start(context => context.Response.WriteAsync(PeerStub.Result("true")), node);
        using var client = new PeerClient(settings: new PeerHttpSettings { CaFile = _certificates.CaFile });
        Assert.Contains("its certificate is not trusted", await client.Unreachable(stub.Port), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "cannot be read")]
    [InlineData("", "holds no self-signed certificate")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificates in PEM")]
    public void A_file_of_authorities_that_is_none_is_refused(string? content, string why)
    {
        var file = Path.Combine(_certificates.Path, "authorities.pem");
        if (content is not null)
        {
            File.WriteAllText(file, content);
        }

        var made = PeerHttp.Make(new PeerHttpSettings { CaFile = file });
        Assert.Contains($"{file}, {why}", PeerClient.Refused(made, RefusalCode.Invalid), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_no_cookie_is_kept()
    {
        await using var elsewhere = await PeerStub.Answering("");
        await using var stub = await PeerStub.Start(context =>
        {
            context.Response.Headers.SetCookie = "session=alice";
            context.Response.Redirect($"http://127.0.0.1:{elsewhere.Port}/rpc");
            return Task.CompletedTask;
        });
        using var client = new PeerClient();
        Assert.Contains("status 302", await client.Unreachable(stub.Port), StringComparison.Ordinal);
        await client.Unreachable(stub.Port);
        Assert.Empty(elsewhere.Seen);
        Assert.All(stub.Seen, seen => Assert.DoesNotContain("Cookie", seen, StringComparison.Ordinal));
    }

    public void Dispose() => _certificates.Dispose();
}
