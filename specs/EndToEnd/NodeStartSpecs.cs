using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>A node as the user of a fresh machine meets it.</summary>
[Trait("Speed", "slow")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class NodeStartSpecs : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_first_start_needs_nothing_and_says_how_to_go_on()
    {
        await using var node = await NodeProcess.Start(new NodeSetup(_folder.Path));
        await node.Printed("curl ");

        var jq = await ChildProcess.Run("jq", ["-r", ".Remotes.local.ApiKey", node.Setup.ConfigFile]);
        Assert.Equal(NodeProcess.ReadKey(node.Setup), jq.Output);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(node.Setup.ConfigFile));
        Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(node.Setup.PasswordFile));
        Assert.Equal(32, File.ReadAllText(node.Setup.PasswordFile).Trim().Length);
        Assert.DoesNotContain(jq.Output, node.Log, StringComparison.Ordinal);

        var curl = node.Output.Split('\n').Single(line => line.TrimStart().StartsWith("curl ", StringComparison.Ordinal));
        var answer = await ChildProcess.Run("bash", ["-c", curl]);
        Assert.Equal("""{"jsonrpc":"2.0","result":"true","id":1}""", answer.Output.Trim());
    }

    [Fact]
    public async Task The_password_in_the_file_lets_admin_in()
    {
        await using var node = await NodeProcess.Start(new NodeSetup(_folder.Path));
        using var rpc = new RpcClient(
            new Uri(node.Address, "/rpc"), "admin", File.ReadAllText(node.Setup.PasswordFile).Trim());

        Assert.Equal("admin", (string?)(await rpc.Call("CurrentUser"))!["Name"]);
    }

    [Fact]
    public async Task A_second_start_keeps_key_password_and_identity()
    {
        var setup = new NodeSetup(_folder.Path);
        string config, password, id;
        await using (var first = await NodeProcess.Start(setup))
        {
            await first.Rpc.Call("Create", new { Namespace = "admin", Name = "apples" });
            config = File.ReadAllText(setup.ConfigFile);
            password = File.ReadAllText(setup.PasswordFile);
            await first.Printed("is ready");
            id = first.Output.Split('\n')[0];
            Assert.Equal(0, await first.Stop());
        }

        await using var second = await NodeProcess.Start(setup);
        await second.Printed("is ready");
        Assert.Equal(config, File.ReadAllText(setup.ConfigFile));
        Assert.Equal(password, File.ReadAllText(setup.PasswordFile));
        Assert.Equal(id, second.Output.Split('\n')[0]);
        Assert.True((await second.Rpc.Text("Exists", new { Namespace = "admin", Name = "apples", Branch = "" })).Length > 0);
    }

    [Fact]
    public async Task A_config_file_of_the_user_gains_the_local_remote_and_keeps_the_rest()
    {
        var setup = new NodeSetup(_folder.Path);
        Directory.CreateDirectory(Path.GetDirectoryName(setup.ConfigFile)!);
        File.WriteAllText(setup.ConfigFile, """{"CurrentRemote":"hub","Remotes":{"hub":{"User":"bob","ApiKey":"K"}},"Other":1}""");

        await using var node = await NodeProcess.Start(setup);

        var config = JsonNode.Parse(File.ReadAllText(setup.ConfigFile))!;
        Assert.Equal("hub", (string?)config["CurrentRemote"]);
        Assert.Equal("""{"User":"bob","ApiKey":"K"}""", config["Remotes"]!["hub"]!.ToJsonString());
        Assert.Equal(1, (int?)config["Other"]);
        Assert.Equal(setup.ClientPort, (int?)config["Remotes"]!["local"]!["Port"]);
    }

    [Fact]
    public async Task Nothing_is_written_to_where_the_node_was_started()
    {
        await using var node = await NodeProcess.Start(new NodeSetup(_folder.Path));
        await node.Rpc.Call("Create", new { Namespace = "admin", Name = "apples" });

        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Except(["home", "data", "mnt", "dots"]));
    }

    [Fact]
    public async Task Wrong_options_stop_the_start_with_all_errors_at_once()
    {
        await using var node = NodeProcess.Launch(new NodeSetup(_folder.Path)
        {
            Arguments = ["--listen:clientprot=1", "--rpc:maxbatch=zero"],
        });

        var end = await node.Ended();

        Assert.Equal(2, end.ExitCode);
        Assert.Contains("clientprot", end.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("MaxBatch", end.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.False(Directory.Exists(node.Setup.DataFolder));
    }

    [Fact]
    public async Task A_port_in_use_is_named_in_one_line()
    {
        var setup = new NodeSetup(_folder.Path);
        using var other = new TcpListener(System.Net.IPAddress.Loopback, setup.ClientPort);
        other.Start();
        await using var node = NodeProcess.Launch(setup);

        await AssertRefused(node, $"port {setup.ClientPort}");
    }

    [Fact]
    public async Task A_data_folder_has_one_node_at_a_time()
    {
        await using var first = await NodeProcess.Start(new NodeSetup(_folder.Path));
        await using var second = NodeProcess.Launch(new NodeSetup(_folder.Path));

        await AssertRefused(second, "Another node is using the data folder");
        Assert.Equal("true", await first.Rpc.Text("Ping"));
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_made_is_named_in_one_line()
    {
        var file = Path.Combine(_folder.Path, "file");
        File.WriteAllText(file, string.Empty);
        await using var node = NodeProcess.Launch(new NodeSetup(_folder.Path) { Arguments = [$"--node:datafolder={file}/data"] });

        await AssertRefused(node, $"{file}/data");
    }

    [Theory]
    [InlineData(PosixSignal.SIGTERM)]
    [InlineData(PosixSignal.SIGINT)]
    public async Task A_signal_stops_the_node_cleanly_and_soon(PosixSignal signal)
    {
        await using var node = await NodeProcess.Start(new NodeSetup(_folder.Path));

        Assert.Equal(0, await node.Stop(signal));
        Assert.DoesNotContain("   at ", node.Log, StringComparison.Ordinal);
    }

    private static async Task AssertRefused(NodeProcess node, string text)
    {
        var end = await node.Ended();
        Assert.True(end.ExitCode == 1, end.ToString());
        var message = Assert.Single(end.Errors.Split('\n'), line => line.StartsWith("The node cannot start.", StringComparison.Ordinal));
        Assert.Contains(text, message, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", end.Errors, StringComparison.Ordinal);
    }
}
