using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Docker;

/// <summary>The volume driver protocol as the node answers it (contract 8.1); no engine is needed for it.</summary>
public sealed class VolumePluginSpec : IAsyncLifetime
{
    private readonly ScratchFolder _folder = new();
    private NodeSetup _setup = null!;
    private NodeProcess _node = null!;
    private PluginClient _plugin = null!;

    private string Socket => Path.Combine(_folder.Path, "p.sock");

    public async Task InitializeAsync()
    {
        _setup = new NodeSetup(_folder.Path)
        {
            Environment = new Dictionary<string, string?>
            {
                ["DOTMESH__DOCKER__PLUGIN"] = "yes",
                ["DOTMESH__DOCKER__PLUGINSOCKET"] = Socket,
                ["DOTMESH__DOCKER__ENGINESOCKET"] = Path.Combine(_folder.Path, "no-engine.sock"),
            },
        };
        _node = await NodeProcess.Start(_setup);
        _plugin = new PluginClient(Socket);
    }

    public async Task DisposeAsync()
    {
        _plugin.Dispose();
        await _node.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task It_says_what_it_is()
    {
        Assert.Equal("""{"Implements":["VolumeDriver"]}""", (await _plugin.Call("Plugin.Activate")).ToJsonString());
        Assert.Equal("""{"Capabilities":{"Scope":"global"}}""", (await _plugin.Call("VolumeDriver.Capabilities")).ToJsonString());
    }

    [Fact]
    public async Task A_volume_is_made_found_listed_mounted_and_outlives_its_removal()
    {
        Assert.Equal(
            "Error getting volume: No such top-level filesystem\n", await _plugin.Error("VolumeDriver.Get", new { Name = "apples" }));
        Assert.Equal("", await _plugin.Error("VolumeDriver.Create", new { Name = "apples", Opts = (object?)null }));

        var folder = $"{_setup.ContainerMountPrefix}/admin/apples/__default__";
        var found = await _plugin.Call("VolumeDriver.Get", new { Name = "apples" });
        Assert.Equal($$"""{"Volume":{"Name":"apples","Mountpoint":"{{folder}}","Status":null},"Err":""}""", found.ToJsonString());
        var listed = await _plugin.Call("VolumeDriver.List");
        Assert.Equal($$"""[{"Name":"apples","Mountpoint":"{{folder}}","Status":null}]""", listed["Volumes"]!.ToJsonString());
        Assert.Equal(folder, (string)(await _plugin.Call("VolumeDriver.Path", new { Name = "apples" }))["Mountpoint"]!);

        var mounted = (string)(await _plugin.Call("VolumeDriver.Mount", new { Name = "apples", ID = "1" }))["Mountpoint"]!;
        Assert.Equal(folder, mounted);
        await File.WriteAllTextAsync(Path.Combine(mounted, "a"), "1");
        Assert.Equal("", await _plugin.Error("VolumeDriver.Unmount", new { Name = "apples", ID = "1" }));
        Assert.Equal("", await _plugin.Error("VolumeDriver.Remove", new { Name = "apples" }));
        Assert.Equal("", await _plugin.Error("VolumeDriver.Get", new { Name = "apples" }));
    }

    [Theory]
    [InlineData("a.b.c", "Volume names must be of the form [NAMESPACE/]DOT[.SUBDOT]: 'a.b.c'\n")]
    [InlineData("a/b/c", "Volume names must be of the form NAMESPACE/VOLUME or just VOLUME: 'a/b/c'\n")]
    [InlineData("a.b@c", "Subdot names must not contain $, :, /, ., or @: 'a.b@c'\n")]
    [InlineData("nobody/a", "Unable to locate owner nobody.\n")]
    [InlineData("a@missing", "No such filesystem named 'admin/a'\n")]
    public async Task A_name_that_cannot_be_one_is_refused(string name, string error)
    {
        Assert.Equal(error, await _plugin.Error("VolumeDriver.Create", new { Name = name }));
        Assert.Equal(error, await _plugin.Error("VolumeDriver.Mount", new { Name = name, ID = "1" }));
        Assert.Empty((JsonArray)(await _plugin.Call("VolumeDriver.List"))["Volumes"]!);
    }

    [Fact]
    public async Task A_branch_is_a_volume_and_a_missing_one_is_not()
    {
        await _plugin.Call("VolumeDriver.Create", new { Name = "tree" });
        var commits = (JsonArray)(await _node.Rpc.Call("Commits", new { Namespace = "admin", Name = "tree", Branch = "" }))!;
        await _node.Rpc.Call(
            "Branch",
            new { Namespace = "admin", Name = "tree", SourceBranch = "master", NewBranchName = "twig", SourceCommitId = (string)commits[0]!["Id"]! });

        Assert.Equal("", await _plugin.Error("VolumeDriver.Get", new { Name = "tree@twig" }));
        Assert.Equal("", await _plugin.Error("VolumeDriver.Get", new { Name = "tree@master.logs" }));
        Assert.Equal(
            $"{_setup.ContainerMountPrefix}/admin/tree@twig/logs",
            (string)(await _plugin.Call("VolumeDriver.Mount", new { Name = "tree@twig.logs", ID = "1" }))["Mountpoint"]!);
        Assert.Contains("No clone named 'leaf'", await _plugin.Error("VolumeDriver.Mount", new { Name = "tree@leaf", ID = "2" }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_commit_under_a_name_of_its_own_is_mounted_read_only()
    {
        await _plugin.Call("VolumeDriver.Create", new { Name = "past" });
        var live = (string)(await _plugin.Call("VolumeDriver.Mount", new { Name = "past", ID = "1" }))["Mountpoint"]!;
        await File.WriteAllTextAsync(Path.Combine(live, "a"), "old");
        var commit = await _node.Rpc.Text("Commit", new { Namespace = "admin", Name = "past", Branch = "", Message = "m" });
        await File.WriteAllTextAsync(Path.Combine(live, "a"), "new");

        var options = new { dot = "past", commit };
        Assert.Equal("", await _plugin.Error("VolumeDriver.Create", new { Name = "yesterday", Opts = options }));
        var mounted = (string)(await _plugin.Call("VolumeDriver.Mount", new { Name = "yesterday", ID = "2" }))["Mountpoint"]!;
        Assert.Equal("old", await File.ReadAllTextAsync(Path.Combine(mounted, "a")));
        await Assert.ThrowsAnyAsync<Exception>(() => File.WriteAllTextAsync(Path.Combine(mounted, "b"), "x"));

        // the next life of the node knows the name too
        _node = await _node.KillAndStart();
        Assert.Equal("", await _plugin.Error("VolumeDriver.Get", new { Name = "yesterday" }));
        Assert.Contains("exists already", await _plugin.Error("VolumeDriver.Create", new { Name = "yesterday", Opts = new { dot = "past" } }), StringComparison.Ordinal);
        Assert.Equal("", await _plugin.Error("VolumeDriver.Remove", new { Name = "yesterday" }));
        Assert.StartsWith("Error getting volume", await _plugin.Error("VolumeDriver.Get", new { Name = "yesterday" }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("brunch", "x", "There is no volume option brunch. Did you mean branch?")]
    [InlineData("commit", "x", "add -o dot=NAME")]
    [InlineData("dot", "missing", "No such filesystem named 'admin/missing'")]
    [InlineData("copies", "many", "Option copies is a number of nodes")]
    public async Task An_option_that_means_nothing_is_refused_and_makes_nothing(string option, string value, string error)
    {
        var opts = new Dictionary<string, string> { [option] = value };
        Assert.Contains(error, await _plugin.Error("VolumeDriver.Create", new { Name = "new", Opts = opts }), StringComparison.Ordinal);
        Assert.StartsWith("Error getting volume", await _plugin.Error("VolumeDriver.Get", new { Name = "new" }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mount_that_was_refused_is_held_by_nobody()
    {
        await _plugin.Call("VolumeDriver.Create", new { Name = "odd" });
        var root = (string)(await _plugin.Call("VolumeDriver.Mount", new { Name = "odd.__root__", ID = "1" }))["Mountpoint"]!;
        await File.WriteAllTextAsync(Path.Combine(root, "logs"), "a file and no folder");
        Assert.Equal("", await _plugin.Error("VolumeDriver.Unmount", new { Name = "odd.__root__", ID = "1" }));

        Assert.Contains("subdot logs cannot be used", await _plugin.Error("VolumeDriver.Mount", new { Name = "odd.logs", ID = "2" }), StringComparison.Ordinal);

        await _node.Rpc.Call("Delete", new { Namespace = "admin", Name = "odd" });
    }

    [Fact]
    public async Task A_name_for_something_else_cannot_be_that_of_a_dot()
    {
        await _plugin.Call("VolumeDriver.Create", new { Name = "one" });
        await _plugin.Call("VolumeDriver.Create", new { Name = "two" });
        Assert.Contains("is a dot", await _plugin.Error("VolumeDriver.Create", new { Name = "two", Opts = new { dot = "one" } }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_the_protocol_is_refused()
    {
        await Assert.ThrowsAsync<HttpRequestException>(() => _plugin.Call("VolumeDriver.Format"));
        await Assert.ThrowsAsync<HttpRequestException>(() => _plugin.Call("VolumeDriver.Get", "not an object"));
    }

    [Fact]
    public async Task A_second_node_on_the_same_socket_is_refused_and_the_first_one_goes_on()
    {
        var second = new NodeSetup(Path.Combine(_folder.Path, "second")) { Environment = _setup.Environment };
        var said = await NodeCluster.Refused(second);

        Assert.Contains(Socket, said, StringComparison.Ordinal);
        Assert.Contains("--docker:pluginsocket", said, StringComparison.Ordinal);
        Assert.Equal("", await _plugin.Error("VolumeDriver.List"));
    }

    [Fact]
    public async Task A_file_in_the_place_of_the_socket_is_left_alone()
    {
        var file = Path.Combine(_folder.Path, "precious");
        await File.WriteAllTextAsync(file, "data");
        var setup = new NodeSetup(Path.Combine(_folder.Path, "other"))
        {
            Environment = new Dictionary<string, string?> { ["DOTMESH__DOCKER__PLUGIN"] = "yes", ["DOTMESH__DOCKER__PLUGINSOCKET"] = file },
        };

        Assert.Contains("is a file and no socket", await NodeCluster.Refused(setup), StringComparison.Ordinal);
        Assert.Equal("data", await File.ReadAllTextAsync(file));
    }

    [Fact]
    public async Task While_the_node_cannot_serve_every_call_is_answered_with_why()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var socket = Path.Combine(_folder.Path, "q.sock");
        await using var starting = NodeProcess.Launch(new NodeSetup(Path.Combine(_folder.Path, "starting"))
        {
            Environment = new Dictionary<string, string?>
            {
                ["DOTMESH__DOCKER__PLUGIN"] = "yes",
                ["DOTMESH__DOCKER__PLUGINSOCKET"] = socket,
                ["DOTMESH__DATABASE__HOST"] = "127.0.0.1",
                ["DOTMESH__DATABASE__PORT"] = $"{((IPEndPoint)silent.LocalEndpoint).Port}",
            },
        });
        await Patience.Holds(() => Task.FromResult(File.Exists(socket) ? this : null), TimeSpan.FromSeconds(60), () => starting.Log);
        using var plugin = new PluginClient(socket);

        Assert.NotNull((await plugin.Call("Plugin.Activate"))["Implements"]);
        foreach (var call in new[] { "Create", "Remove", "Mount", "Unmount", "Get", "List", "Path" })
        {
            Assert.StartsWith("dotmesh still starting", await plugin.Error($"VolumeDriver.{call}", new { Name = "x", ID = "1" }), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_an_engine_a_held_mount_keeps_its_dot_from_being_rolled_back_deleted_or_lost()
    {
        await _plugin.Call("VolumeDriver.Create", new { Name = "held" });
        await _plugin.Call("VolumeDriver.Mount", new { Name = "held", ID = "1" });
        var commit = await _node.Rpc.Text("Commit", new { Namespace = "admin", Name = "held", Branch = "", Message = "m" });
        _node = await _node.KillAndStart();

        var rollback = await Assert.ThrowsAsync<RpcErrorException>(
            () => _node.Rpc.Call("Rollback", new { Namespace = "admin", Name = "held", Branch = "", SnapshotId = commit }));
        Assert.Contains("the container engine does not answer", rollback.Text, StringComparison.Ordinal);
        var deletion = await Assert.ThrowsAsync<RpcErrorException>(() => _node.Rpc.Call("Delete", new { Namespace = "admin", Name = "held" }));
        Assert.Contains("cannot delete the volume", deletion.Text, StringComparison.Ordinal);

        Assert.Equal("", await _plugin.Error("VolumeDriver.Unmount", new { Name = "held", ID = "1" }));
        await _node.Rpc.Call("Rollback", new { Namespace = "admin", Name = "held", Branch = "", SnapshotId = commit });
        await _node.Rpc.Call("Delete", new { Namespace = "admin", Name = "held" });
    }
}
