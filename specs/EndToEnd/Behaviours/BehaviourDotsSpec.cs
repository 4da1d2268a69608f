using System.Text.Json;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

public abstract class BehaviourDotsSpec(BehaviourNode node)
{
    private readonly RpcUser _admin = node.Admin;

    [SkippableFact]
    [Trait("Behaviour", "16")]
    public async Task Behaviour_16_a_new_dot_is_listed()
    {
        await _admin.Init("admin/apples");

        Assert.Equal("apples", (await _admin.Listed("admin/apples"))?.GetProperty("Name").GetProperty("Name").GetString());
    }

    [SkippableFact]
    [Trait("Behaviour", "17")]
    public async Task Behaviour_17_a_second_dot_of_the_name_is_refused_and_the_first_is_still_listed()
    {
        await _admin.Init("admin/twice");

        // the command line asks Exists first and says "X exists already"; who does not ask gets the server's text
        var id = await _admin.Text("Exists", RpcUser.Triple("admin/twice"));
        Assert.Equal(
            $"A volume called admin/twice already exists with id {id}", await _admin.Error("Create", RpcUser.Dot("admin/twice")));
        Assert.Equal(id, (await _admin.Listed("admin/twice"))?.GetProperty("Id").GetString());
    }

    [SkippableFact]
    [Trait("Behaviour", "18")]
    public async Task Behaviour_18_a_creation_that_broke_off_succeeds_when_it_is_repeated()
    {
        Assert.Equal("false", await Flag("PartialFailCreateFilesystem", "true"));
        Assert.Contains("Injected fault", await _admin.Error("Create", RpcUser.Dot("admin/crashy")), StringComparison.Ordinal);
        Assert.Null(await _admin.Listed("admin/crashy"));
        Assert.Equal("true", await Flag("PartialFailCreateFilesystem", "false"));

        await _admin.Init("admin/crashy");

        Assert.NotNull(await _admin.Listed("admin/crashy"));
        Assert.Equal(["Initial commit"], await _admin.Log("admin/crashy"));
    }

    [SkippableFact]
    [Trait("Behaviour", "24")]
    public async Task Behaviour_24_a_dot_is_shown_with_its_branches_and_every_server_up_to_date()
    {
        await _admin.Init("admin/show");
        await _admin.Branch("admin/show", "master", "branch1", await _admin.Commit("admin/show"));

        var shown = await _admin.Shown("admin/show");
        Assert.Equal("", shown.GetProperty("MasterBranch").GetProperty("Branch").GetString());
        Assert.Equal("branch1", shown.GetProperty("OtherBranches")[0].GetProperty("Branch").GetString());
        foreach (var branch in new[] { "", "branch1" })
        {
            var lag = await _admin.Result("GetReplicationLatencyForBranch", RpcUser.Triple("admin/show", branch));
            var server = Assert.Single(lag.EnumerateObject());
            Assert.Equal((node.Host.Dots.ThisNode.Value, 0), (server.Name, server.Value.GetArrayLength()));
        }
    }

    [SkippableFact]
    [Trait("Behaviour", "29")]
    public async Task Behaviour_29_AllDotsAndBranches_is_answered_without_params_and_its_bare_name_without_harm()
    {
        var all = await _admin.Result("AllDotsAndBranches");
        Assert.Equal(JsonValueKind.Array, all.GetProperty("Dots").ValueKind);
        Assert.Single(all.GetProperty("Servers").EnumerateArray());

        using var bare = await node.Host.Post("""{"jsonrpc":"2.0","method":"AllDotsAndBranches","params":null,"id":1}""");
        Assert.Contains("ill-formed", await bare.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [SkippableFact]
    [Trait("Behaviour", "52")]
    public async Task Behaviour_52_deleting_a_dot_that_is_not_there_is_refused() => Assert.Equal(
        "No such filesystem named 'admin/missing'", await _admin.Error("Delete", RpcUser.Dot("admin/missing")));

    [SkippableFact]
    [Trait("Behaviour", "54")]
    public async Task Behaviour_54_a_deleted_dot_is_gone_at_once_and_its_name_can_be_used_again()
    {
        await MakeWithFile("admin/instantly");

        await _admin.Delete("admin/instantly");

        Assert.Null(await _admin.Listed("admin/instantly"));
        await AssertNameIsFree("admin/instantly");
    }

    [SkippableFact]
    [Trait("Behaviour", "55")]
    public async Task Behaviour_55_a_deletion_that_broke_off_can_be_repeated_and_the_name_used_again()
    {
        await MakeWithFile("admin/partial");
        await Flag("PartialFailDelete", "true");
        Assert.Contains("Injected fault", await _admin.Error("Delete", RpcUser.Dot("admin/partial")), StringComparison.Ordinal);
        await Flag("PartialFailDelete", "false");

        // may or may not succeed: the first one may have been finished meanwhile
        var again = await node.Host.Call("Delete", RpcUser.Dot("admin/partial"));
        Assert.True(
            again.TryGetProperty("result", out _)
            || again.GetProperty("error").GetProperty("message").GetString()!.StartsWith("No such filesystem", StringComparison.Ordinal),
            again.ToString());

        Assert.Null(await _admin.Listed("admin/partial"));
        await AssertNameIsFree("admin/partial");
    }

    [SkippableFact]
    [Trait("Behaviour", "56")]
    [Trait("Behaviour", "57")]
    public async Task Behaviours_56_57_a_name_used_again_has_no_old_data_and_later_clean_ups_do_it_no_harm()
    {
        await MakeWithFile("admin/quickly");
        var old = await _admin.Lookup("admin/quickly");
        await _admin.Delete("admin/quickly");
        await AssertNameIsFree("admin/quickly");
        var path = await _admin.Procure("admin/quickly");
        await File.WriteAllTextAsync(Path.Combine(path, "NEW"), "new");

        // what a node cleans up late, it cleans up at its start
        await node.Host.Restart();

        Assert.NotEqual(old, await _admin.Lookup("admin/quickly"));
        Assert.Equal(["NEW"], Directory.GetFiles(await _admin.Procure("admin/quickly")).Select(Path.GetFileName));
        Assert.Contains("No known filesystem", await _admin.Error("Get", old), StringComparison.Ordinal);
    }

    [SkippableFact]
    [Trait("Behaviour", "59")]
    [Trait("Behaviour", "60")]
    public async Task Behaviours_59_60_a_dot_with_branches_of_branches_is_deleted_in_one_call()
    {
        await MakeWithFile("admin/branchy");
        await _admin.Branch("admin/branchy", "master", "branch1", await _admin.Commit("admin/branchy"));
        await _admin.Branch("admin/branchy", "branch1", "branch2", await _admin.Commit("admin/branchy", branch: "branch1"));
        await _admin.Branch("admin/branchy", "master", "branch3", await _admin.Commit("admin/branchy"));
        var ids = new List<string>();
        foreach (var branch in new[] { "", "branch1", "branch2", "branch3" })
        {
            ids.Add(await _admin.Lookup("admin/branchy", branch));
        }

        await _admin.Delete("admin/branchy");

        Assert.Null(await _admin.Listed("admin/branchy"));
        await AssertNameIsFree("admin/branchy");
        Assert.Empty((await _admin.Result("Branches", RpcUser.Dot("admin/branchy"))).EnumerateArray());
        await node.Host.Restart();
        Assert.Empty(Directory.GetFiles(await _admin.Procure("admin/branchy")));
        var stored = await node.Host.Node.Storage.List(default);
        Assert.Empty(stored.Select(filesystem => filesystem.Id.Value).Intersect(ids));
    }

    private async Task MakeWithFile(string dot)
    {
        await _admin.Init(dot);
        await File.WriteAllTextAsync(Path.Combine(await _admin.Procure(dot), "HELLO"), "old data");
    }

    private async Task AssertNameIsFree(string dot)
    {
        await _admin.Init(dot);
        Assert.Empty(Directory.GetFiles(await _admin.Procure(dot)));
        Assert.NotNull(await _admin.Listed(dot));
    }

    private Task<string> Flag(string name, string value) =>
        _admin.Text("SetDebugFlag", new { FlagName = name, FlagValue = value });
}

public sealed class BehaviourDotsDirectorySpec(BehaviourNode node) : BehaviourDotsSpec(node), IClassFixture<BehaviourNode>;

[Trait("Speed", "slow")]
public sealed class BehaviourDotsZfsSpec : BehaviourDotsSpec, IClassFixture<BehaviourNodeOnZfs>
{
    public BehaviourDotsZfsSpec(BehaviourNodeOnZfs node)
        : base(node) => Lanes.Require(Lanes.Zfs);
}
