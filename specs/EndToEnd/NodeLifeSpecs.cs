using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>A node as a process: how it stops under load, and what surrounds it.</summary>
[Trait("Speed", "slow")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class NodeLifeSpecs : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_request_that_is_on_its_way_when_the_node_is_told_to_stop_is_still_answered()
    {
        await using var node = await NodeProcess.Start(new NodeSetup(_folder.Path));
        using var request = await StoppingUnder(node);

        var answer = await request.Finish();

        Assert.Contains("""{"jsonrpc":"2.0","result":"true","id":1}""", answer, StringComparison.Ordinal);
        Assert.Equal(0, (await node.Ended()).ExitCode);
    }

    [Fact]
    public async Task Commits_that_run_when_the_node_is_told_to_stop_are_all_answered_and_those_done_are_kept()
    {
        const int Count = 2000;
        var setup = new NodeSetup(_folder.Path) { Arguments = [$"--rpc:maxbatch={Count}"] };
        List<string> acknowledged;
        await using (var node = await NodeProcess.Start(setup))
        {
            await node.Rpc.Call("Create", new { Namespace = "admin", Name = "busy" });
            var running = PostCommits(node, Count);
            await Patience.Holds(
                async () => await Commits(node) is { Count: > 3 } some ? some : null,
                TimeSpan.FromSeconds(20),
                () => "the batch has not begun");

            node.Signal(PosixSignal.SIGTERM);

            var answers = JsonElement.Parse(await running).EnumerateArray().ToList();
            Assert.Equal(Count, answers.Count);
            acknowledged = [.. answers.Where(answer => answer.TryGetProperty("result", out _))
                .Select(answer => answer.GetProperty("result").GetString()!)];
            Assert.InRange(acknowledged.Count, 3, Count - 1);
            Assert.All(answers.Skip(acknowledged.Count), answer => Assert.Equal(
                "This node is stopping. Nothing was done; ask again when it is back.",
                answer.GetProperty("error").GetProperty("message").GetString()));
            Assert.Equal(0, (await node.Ended()).ExitCode);
        }

        await using var again = await NodeProcess.Start(setup);
        Assert.Equal(acknowledged, (await Commits(again)).Skip(1));
    }

    [Fact]
    public async Task A_second_signal_ends_the_node_at_once()
    {
        await using var node = await NodeProcess.Start(new NodeSetup(_folder.Path));
        using var request = await StoppingUnder(node);
        Assert.False(node.HasExited);

        var began = TimeProvider.System.GetTimestamp();
        node.Signal(PosixSignal.SIGTERM);

        // nothing else ends with this code, and without a second signal callers are waited for: for ten seconds
        Assert.Equal(128 + 15, (await node.Ended()).ExitCode);
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task Without_HOME_the_start_is_refused_unless_a_folder_is_named()
    {
        var setup = new NodeSetup(_folder.Path)
        {
            Environment = new Dictionary<string, string?> { ["HOME"] = null, ["USERPROFILE"] = null },
        };
        await using (var refused = NodeProcess.Launch(setup))
        {
            var end = await refused.Ended();
            Assert.Equal(2, end.ExitCode);
            Assert.Contains("HOME is not set: set it, or give an absolute path", end.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", end.Errors, StringComparison.Ordinal);
        }

        var named = Path.Combine(setup.Home, ".dotmesh");
        await using var node = await NodeProcess.Start(setup with { Arguments = [$"--node:configfolder={named}"] });
        Assert.Equal("true", await node.Rpc.Text("Ping"));
    }

    [Fact]
    public async Task The_limits_of_the_options_have_effect_and_the_figures_of_the_node_are_shown()
    {
        await using var node = await NodeProcess.Start(
            new NodeSetup(_folder.Path) { Arguments = ["--rpc:maxbatch=3", "--rpc:maxdepth=4"] });
        await node.Rpc.Call("Create", new { Namespace = "admin", Name = "one" });

        Assert.Contains("more than 3 requests", await PostCommits(node, 4), StringComparison.Ordinal);
        using var http = new HttpClient();
        var page = await http.GetStringAsync(new Uri(node.Address, "/metrics"));
        foreach (var figure in new[] { "dotmesh_dots 1", "dotmesh_filesystems 1", "dotmesh_users 1", "dotmesh_dots_awake 1" })
        {
            Assert.Contains($"\n{figure}\n", page, StringComparison.Ordinal);
        }

        Assert.Contains("dm_state_transition_total{from=", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_point_that_the_program_does_not_have_stops_the_start()
    {
        await using var node = NodeProcess.Launch(
            new NodeSetup(_folder.Path) { Arguments = ["--debug:faultpoints=create.after-strage=error"] });

        var end = await node.Ended();

        Assert.Equal(2, end.ExitCode);
        Assert.Contains("Did you mean create.after-storage?", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_point_armed_by_option_kills_the_node_there_and_a_start_without_it_goes_on()
    {
        var apples = new { Namespace = "admin", Name = "apples" };
        var setup = new NodeSetup(_folder.Path);
        await using (var armed = await NodeProcess.Start(setup with { Arguments = ["--debug:faultpoints=create.after-storage=kill"] }))
        {
            await Assert.ThrowsAsync<HttpRequestException>(() => armed.Rpc.Call("Create", apples));
            Assert.Equal(128 + 9, (await armed.Ended()).ExitCode);
        }

        await using var again = await NodeProcess.Start(setup);
        await again.Rpc.Call("Create", apples);
        await again.Rpc.Call("Commit", new { apples.Namespace, apples.Name, Message = "goes on" });
    }

    /// <summary>A node that was told to stop and waits for the rest of a request.</summary>
    private static async Task<HalfRequest> StoppingUnder(NodeProcess node)
    {
        var request = await HalfRequest.Send(node, """{"jsonrpc":"2.0","method":"DotmeshRPC.Ping","id":1}""");
        node.Signal(PosixSignal.SIGTERM);
        await NobodyListens(node);
        return request;
    }

    private static async Task<List<string>> Commits(NodeProcess node) =>
        [.. (await node.Rpc.Call("Commits", new { Namespace = "admin", Name = "busy" }))!.AsArray()
            .Select(commit => (string)commit!["Id"]!)];

    private static async Task<string> PostCommits(NodeProcess node, int count)
    {
        var batch = Enumerable.Range(1, count).Select(id => new
        {
            jsonrpc = "2.0",
            method = "DotmeshRPC.Commit",
            @params = new { Namespace = "admin", Name = "busy", Message = $"commit {id}" },
            id,
        });
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(node.Address, "/rpc"))
        {
            Content = new StringContent(JsonSerializer.Serialize(batch), Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = RpcHost.Basic("admin", NodeProcess.ReadKey(node.Setup));
        using var reply = await http.SendAsync(request);
        return await reply.Content.ReadAsStringAsync();
    }

    /// <summary>The listeners are closed first: from then on the node is stopping.</summary>
    private static async Task NobodyListens(NodeProcess node)
    {
        await Patience.Holds(
            async () =>
            {
                using var probe = new TcpClient();
                try
                {
                    await probe.ConnectAsync(IPAddress.Loopback, node.Setup.ReferencePort);
                    return null;
                }
                catch (SocketException refused)
                {
                    return refused;
                }
            },
            TimeSpan.FromSeconds(8),
            () => $"the node still listens\n{node.Log}");
    }

    /// <summary>A request whose body is not sent before <see cref="Finish"/>; the node is reading it already.</summary>
    private sealed class HalfRequest : IDisposable
    {
        private readonly TcpClient _connection = new();
        private readonly byte[] _body;

        private HalfRequest(byte[] body) => _body = body;

        public static async Task<HalfRequest> Send(NodeProcess node, string body)
        {
            var half = new HalfRequest(Encoding.UTF8.GetBytes(body));
            await half._connection.ConnectAsync(IPAddress.Loopback, node.Setup.ReferencePort);
            var credentials = RpcHost.Basic("admin", NodeProcess.ReadKey(node.Setup));
            await half.Write(Encoding.ASCII.GetBytes(
                $"POST /rpc HTTP/1.1\r\nHost: localhost\r\nAuthorization: {credentials}\r\nContent-Type: application/json\r\n"
                + $"Content-Length: {half._body.Length}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"));
            var buffer = new byte[1024];
            var read = await half._connection.GetStream().ReadAsync(buffer);
            Assert.StartsWith("HTTP/1.1 100", Encoding.ASCII.GetString(buffer, 0, read), StringComparison.Ordinal);
            return half;
        }

        public async Task<string> Finish()
        {
            await Write(_body);
            using var reader = new StreamReader(_connection.GetStream());
            return await reader.ReadToEndAsync();
        }

        public void Dispose() => _connection.Dispose();

        private async Task Write(byte[] bytes) => await _connection.GetStream().WriteAsync(bytes);
    }
}
