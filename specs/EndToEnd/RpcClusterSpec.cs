using Dotmesh.Specs.EndToEnd.Behaviours;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>The methods of a cluster, asked of a node that is alone.</summary>
public sealed class RpcClusterSpec(BehaviourNode node) : IClassFixture<BehaviourNode>
{
    private const string Nobody = "00000000deadbeef";

    private readonly RpcUser _admin = node.Admin;

    private string This => node.Host.Dots.ThisNode.Value;

    [Fact]
    public async Task The_node_dumps_what_it_knows_or_the_part_below_a_prefix()
    {
        await _admin.Init("admin/dumped");
        var id = await _admin.Lookup("admin/dumped");

        var all = await _admin.Result("DumpInternalState");
        var part = await _admin.Result("DumpInternalState", "registry.TopLevelFilesystems.admin/dumped.");

        Assert.Equal(This, all.GetProperty("myNodeId").GetString());
        Assert.Equal(This, all.GetProperty($"mastersCache.{id}").GetString());
        Assert.Equal(
            [("registry.TopLevelFilesystems.admin/dumped.MasterBranch.id", id), ("registry.TopLevelFilesystems.admin/dumped.status", "Active")],
            part.EnumerateObject().Select(entry => (entry.Name, entry.Value.GetString())));
        Assert.EndsWith(" is not admin user", await node.Bob.Error("DumpInternalState"), StringComparison.Ordinal);
        Assert.DoesNotContain(RpcHost.ApiKey, all.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_number_of_copies_is_the_owners_to_choose()
    {
        await node.Alice.Init("alice/copied");

        Assert.True((await node.Alice.Result("SetReplication", Copies(2))).GetBoolean());
        Assert.Equal("Permission denied.", await node.Bob.Error("SetReplication", Copies(1)));
        Assert.Equal("Copies must be a number from 0 to 1000, not -1", await node.Alice.Error("SetReplication", Copies(-1)));
        Assert.Equal("Copies must be a number from 0 to 1000, not nothing", await node.Alice.Error("SetReplication", Copies(null)));
    }

    [Fact]
    public async Task A_dot_is_forced_to_a_node_that_is_there_and_to_no_other()
    {
        await _admin.Init("admin/forced");
        var id = await _admin.Lookup("admin/forced");

        Assert.True((await _admin.Result("ForceBranchMasterById", new { FilesystemId = id })).GetBoolean());
        Assert.True((await _admin.Result("ForceBranchMasterById", new { FilesystemId = id, Master = This })).GetBoolean());
        Assert.Contains(
            Nobody, await _admin.Error("ForceBranchMasterById", new { FilesystemId = id, Master = Nobody }), StringComparison.Ordinal);
        Assert.Equal("FilesystemId not set", await _admin.Error("ForceBranchMasterById"));
        Assert.EndsWith(
            " is not admin user", await node.Bob.Error("ForceBranchMasterById", new { FilesystemId = id }), StringComparison.Ordinal);
        Assert.Equal(This, (await _admin.Listed("admin/forced"))?.GetProperty("Master").GetString());
    }

    [Fact]
    public async Task A_node_that_is_alone_hands_its_dots_to_nobody()
    {
        Assert.Equal(
            $"Node {This} is the only one that is up: there is nobody to hand its dots over to.",
            await _admin.Error("DrainNode", new { Node = This }));
        Assert.Contains(Nobody, await _admin.Error("DrainNode", new { Node = Nobody }), StringComparison.Ordinal);
        Assert.Equal("Node not set: Nodes lists the nodes of the cluster", await _admin.Error("DrainNode"));
        Assert.EndsWith(" is not admin user", await node.Bob.Error("DrainNode", new { Node = This }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_nodes_are_told_to_admin_with_their_pools_and_dots()
    {
        await _admin.Init("admin/counted");

        var only = Assert.Single((await _admin.Result("Nodes")).EnumerateArray());

        Assert.Equal((This, "up"), (only.GetProperty("Id").GetString(), only.GetProperty("State").GetString()));
        Assert.StartsWith("directory", only.GetProperty("Storage").GetString(), StringComparison.Ordinal);
        Assert.True(only.GetProperty("Dots").GetInt32() >= 1);
        Assert.True(only.GetProperty("PoolSizeBytes").GetInt64() >= only.GetProperty("PoolFreeBytes").GetInt64());
        Assert.True(only.GetProperty("PoolFreeBytes").GetInt64() > 0);
        Assert.Matches("^[0-9]+\\.[0-9]+", only.GetProperty("Version").GetString());
        Assert.EndsWith(" is not admin user", await node.Bob.Error("Nodes"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_users_are_told_to_admin_by_name_and_without_secrets()
    {
        var users = await _admin.Result("Users");

        var names = users.EnumerateArray().Select(user => user.GetProperty("Name").GetString()!).ToList();
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        Assert.Superset(new HashSet<string> { "admin", "alice", "bob" }, names.ToHashSet());
        Assert.DoesNotContain("ApiKey", users.ToString(), StringComparison.Ordinal);
        Assert.EndsWith(" is not admin user", await node.Bob.Error("Users"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dot_is_moved_to_a_node_that_is_up_and_only_by_admin()
    {
        await _admin.Init("admin/moved");

        Assert.True((await _admin.Result("MoveDot", Moved(This))).GetBoolean());
        Assert.Contains(Nobody, await _admin.Error("MoveDot", Moved(Nobody)), StringComparison.Ordinal);
        Assert.Equal("Node not set: Nodes lists the nodes of the cluster", await _admin.Error("MoveDot", Moved("")));
        Assert.Contains("No such filesystem", await _admin.Error("MoveDot", new { Namespace = "admin", Name = "absent", Node = This }), StringComparison.Ordinal);
        Assert.EndsWith(" is not admin user", await node.Bob.Error("MoveDot", Moved(This)), StringComparison.Ordinal);
    }

    private static object Moved(string to) => new { Namespace = "admin", Name = "moved", Node = to };

    private static object Copies(int? copies) => new { Namespace = "alice", Name = "copied", Copies = copies };
}
