using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Three node processes whose traffic is encrypted, and who is not let in.</summary>
[Trait("Speed", "slow")]
public sealed partial class NodeTlsSpec : IAsyncLifetime
{
    private static readonly object Dot = new { Namespace = "admin", Name = "sealed", Branch = "" };

    private readonly CertificateFolder _ours = new();
    private NodeCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        Lanes.Require(Lanes.Postgres);
        foreach (var node in new[] { 0, 1 })
        {
            _ours.Write($"node{node}");
        }

        // expired yesterday: within the grace
        _ours.Write("node2", CertificateFolder.Now.AddDays(-1));
        _cluster = await NodeCluster.Start(
            3,
            ("DOTMESH__TLS__CERTIFICATEFILE", Path.Combine(_ours.Path, "node{node}.pem")),
            ("DOTMESH__TLS__CAFILE", _ours.CaFile));
    }

    public async Task DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        _ours.Dispose();
    }

    [SkippableFact]
    public async Task Nodes_of_one_authority_form_a_cluster_and_replicate_and_an_expired_certificate_is_told_of_loudly()
    {
        await Works("first");

        Assert.All(_cluster.Nodes, node => Assert.Contains("akka.ssl.tcp://", node.Log, StringComparison.Ordinal));
        Assert.All(await Urls(), url => Assert.StartsWith("https://", url, StringComparison.Ordinal));
        Assert.Contains("certificate of this node has expired", _cluster.Nodes[2].Log, StringComparison.Ordinal);
        Assert.Contains(_cluster.Nodes.Take(2), node => node.Log.Contains("is let in although its certificate", StringComparison.Ordinal));
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(new Uri(_cluster.Nodes[0].Address, "/metrics"));
        Assert.Contains("dotmesh_certificate_days_left", metrics, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_of_another_authority_is_refused_with_the_reason_on_both_sides_and_does_no_harm(bool trustsUs)
    {
        await Works("before");
        using var theirs = new CertificateFolder("another authority");
        var ca = theirs.CaFile;
        if (trustsUs)
        {
            await File.AppendAllTextAsync(ca, "\n" + await File.ReadAllTextAsync(_ours.CaFile));
        }

        await Refused(theirs.Options(theirs.Write("stranger"), ca), "do not trust each other's certificates");

        await _cluster.Logged("do not trust each other's certificates", TimeSpan.FromSeconds(20));
        if (trustsUs)
        {
            await _cluster.Logged("does not come from this cluster's authority", TimeSpan.FromSeconds(20));
        }

        await Works("after");
        AssertUndisturbed();
    }

    [SkippableFact]
    public async Task A_node_without_a_certificate_is_refused_with_the_reason_on_both_sides_and_does_no_harm()
    {
        await Refused(
            new Dictionary<string, string?> { ["DOTMESH__TLS__CERTIFICATEFILE"] = null, ["DOTMESH__TLS__CAFILE"] = null },
            "speaks in clear and the cluster's node");
        await _cluster.Logged("speaks in clear and the cluster's node", TimeSpan.FromSeconds(20));
        await Works("after");
        AssertUndisturbed();
    }

    [SkippableFact]
    public async Task A_node_whose_certificate_is_too_old_or_not_its_authoritys_does_not_start()
    {
        using var theirs = new CertificateFolder("another authority");
        await Refused(_ours.Options(_ours.Write("old", CertificateFolder.Now.AddDays(-31))), "more than 30 days ago");
        await Refused(_ours.Options(theirs.Write("mixed")), "would be refused by nodes that trust");
        AssertUndisturbed();
    }

    [SkippableFact]
    public async Task Garbage_and_clear_text_on_the_ports_do_no_harm()
    {
        var noise = RandomNumberGenerator.GetBytes(4096);
        var request = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        var ports = _cluster.Nodes.Select(node => int.Parse(Remoting().Match(node.Log).Groups[1].Value, CultureInfo.InvariantCulture))
            .Concat((await Urls()).Select(url => new Uri(url).Port));
        foreach (var port in ports)
        {
            foreach (var bytes in new[] { noise, request, [] })
            {
                await Send(port, bytes);
            }
        }

        await Works("after");
        AssertUndisturbed();
    }

    private static async Task Send(int port, byte[] bytes)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(bytes);
            client.Client.Shutdown(SocketShutdown.Send);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            _ = await stream.ReadAsync(new byte[1024], limit.Token);
        }
        catch (Exception closed) when (closed is IOException or SocketException or OperationCanceledException)
        {
            // the other side hung up, or says nothing
        }
    }

    private async Task Works(string message)
    {
        var rpc = _cluster.Nodes[0].Rpc;
        if ((await rpc.Text("Exists", Dot)).Length == 0)
        {
            await rpc.Call("Create", Dot);
        }

        await _cluster.Nodes[1].Rpc.CallAgain("Commit", new { Namespace = "admin", Name = "sealed", Branch = "", Message = message });
        var commits = (System.Text.Json.Nodes.JsonArray)(await _cluster.Nodes[2].Rpc.Call("Commits", Dot))!;
        await _cluster.Holds("sealed", "", commits.Count);
    }

    private async Task Refused(IReadOnlyDictionary<string, string?> options, string why)
    {
        var setup = _cluster.Setup(9);
        var environment = new Dictionary<string, string?>(setup.Environment);
        foreach (var (name, value) in options)
        {
            environment[name] = value;
        }

        var errors = await NodeCluster.Refused(setup with { Environment = environment });
        Assert.Contains(why, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    private void AssertUndisturbed() => Assert.All(_cluster.Nodes, node =>
    {
        Assert.False(node.HasExited);
        Assert.DoesNotContain("begins anew", node.Log, StringComparison.Ordinal);
    });

    private Task<List<string>> Urls() => _cluster.Server.Query(_cluster.Database.Database, "SELECT url FROM nodes", row => row.GetString(0));

    [GeneratedRegex(@"akka\.ssl\.tcp://dotmesh@127\.0\.0\.1:(\d+)", RegexOptions.None, 1000)]
    private static partial Regex Remoting();
}
