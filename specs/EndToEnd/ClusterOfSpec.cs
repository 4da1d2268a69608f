using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary><c>--cluster-of 3</c>, as a developer starts it.</summary>
[Trait("Speed", "slow")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed partial class ClusterOfSpec : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly ScratchFolder _folder = new();

    // the server of the database is another user where the specs run as root
    public ClusterOfSpec() => File.SetUnixFileMode(
        _folder.Path, File.GetUnixFileMode(_folder.Path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public async Task One_command_starts_three_nodes_with_a_database_and_stops_them_and_the_next_start_has_all_there_was()
    {
        Lanes.Require(Lanes.Postgres);
        string commits;
        await using (var cluster = Launch())
        {
            var (urls, key) = await Ready(cluster);
            using var one = new RpcClient(urls[0], "admin", key);
            using var two = new RpcClient(urls[1], "admin", key);
            await one.Call("Create", new { Namespace = "admin", Name = "apples" });
            await two.Call("Commit", new { Namespace = "admin", Name = "apples", Branch = "", Message = "through another" });
            commits = (await one.Call("Commits", new { Namespace = "admin", Name = "apples", Branch = "" }))!.ToJsonString();
            Assert.Contains("through another", commits, StringComparison.Ordinal);

            var curl = cluster.Output.Split('\n').Single(line => line.TrimStart().StartsWith("curl ", StringComparison.Ordinal));
            var answer = await ChildProcess.Run("bash", ["-c", curl]);
            Assert.Equal("""{"jsonrpc":"2.0","result":"true","id":1}""", answer.Output.Trim());

            cluster.Signal(PosixSignal.SIGINT);
            var end = await cluster.Finished(Limit);
            Assert.True(end.ExitCode == 0, end.ToString());
            Assert.Equal(["node3 stopped", "node2 stopped", "node1 stopped", "database stopped"], end.Output.Split('\n').TakeLast(4));
        }

        Assert.Empty(Left());
        await using var again = Launch();
        var (later, sameKey) = await Ready(again);
        using var rpc = new RpcClient(later[2], "admin", sameKey);
        await Patience.Holds(
            async () =>
            {
                try
                {
                    var now = (await rpc.Call("Commits", new { Namespace = "admin", Name = "apples", Branch = "" }))!.ToJsonString();
                    return now == commits ? this : null;
                }
                catch (RpcErrorException)
                {
                    // the dot's node is coming up
                    return null;
                }
            },
            Limit,
            () => $"the commits are not back\n{again.Log}");
    }

    [SkippableFact]
    public async Task When_the_command_is_killed_nodes_and_database_end_by_themselves()
    {
        Lanes.Require(Lanes.Postgres);
        await using var cluster = Launch();
        await Ready(cluster);
        Assert.True(Left().Count >= 5, "three nodes, the keeper of the database and its processes run");

        await cluster.Kill9();

        await Patience.Holds(
            () => Task.FromResult(Left().Count == 0 ? this : null), Limit, () => $"still there: {string.Join(", ", Left())}\n{cluster.Log}");
    }

    [SkippableFact]
    public async Task A_node_that_cannot_start_is_named_and_nothing_is_left_running()
    {
        Lanes.Require(Lanes.Postgres);
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start();
        var taken = ((System.Net.IPEndPoint)other.LocalEndpoint).Port;
        await using var cluster = Launch(clientPort: taken - 10);

        var end = await cluster.Finished(Limit);

        Assert.True(end.ExitCode == 1, end.ToString());
        Assert.Contains($"node2 | The node cannot start. Another program listens on 127.0.0.1: port {taken}", end.Errors, StringComparison.Ordinal);
        Assert.Contains("The cluster cannot start. node2 ended with status 1", end.Errors, StringComparison.Ordinal);
        Assert.Empty(Left());
    }

    private ChildProcess Launch(int clientPort = 0)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        return ChildProcess.Start(
            dotnet,
            [
                Path.Combine(AppContext.BaseDirectory, "Dotmesh.Node.dll"), "--cluster-of", "3",
                "--listen:referenceport=0", $"--listen:clientport={clientPort}", "--listen:nodeport=0",
            ],
            new Dictionary<string, string?> { ["HOME"] = _folder.Path },
            _folder.Path);
    }

    private async Task<(IReadOnlyList<Uri> Urls, string Key)> Ready(ChildProcess cluster)
    {
        await Patience.Holds(
            () => cluster.HasExited
                ? throw new TimeoutException($"it ended\n{cluster.Log}")
                : Task.FromResult(cluster.Output.Contains("Ctrl-C stops all of them", StringComparison.Ordinal) ? cluster : null),
            Limit,
            () => $"it does not get ready\n{cluster.Log}");
        var urls = Api().Matches(cluster.Output).Select(match => new Uri(match.Groups[1].Value)).ToList();
        Assert.Equal(3, urls.Count);
        var config = Path.Combine(_folder.Path, ".dotmesh", "data", "cluster", "node1", "config");
        return (urls, (string)System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(config))!["Remotes"]!["local"]!["ApiKey"]!);
    }

    /// <summary>Processes whose command line names this spec's folder.</summary>
    private List<string> Left()
    {
        var left = new List<string>();
        foreach (var folder in Directory.GetDirectories("/proc").Where(name => char.IsAsciiDigit(Path.GetFileName(name)[0])))
        {
            try
            {
                var command = File.ReadAllText(Path.Combine(folder, "cmdline")).Replace('\0', ' ');
                if (command.Contains(_folder.Path, StringComparison.Ordinal))
                {
                    left.Add(command);
                }
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // it ended while it was looked at
            }
        }

        return left;
    }

    [GeneratedRegex(@"node\d +(http://127\.0\.0\.1:\d+/rpc) \(as documented\)", RegexOptions.None, 1000)]
    private static partial Regex Api();
}
