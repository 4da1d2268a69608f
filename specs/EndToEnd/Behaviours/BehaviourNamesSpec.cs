using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

/// <summary>What a node tells about itself, and what it takes for a name.</summary>
public sealed class BehaviourNamesSpec(BehaviourNode node) : IClassFixture<BehaviourNode>
{
    private const string Pattern = @"should match pattern: ^[a-zA-Z0-9_\-]{1,64}$";

    private readonly RpcUser _admin = node.Admin;

    [Fact]
    [Trait("Behaviour", "19")]
    public async Task Behaviour_19_the_version_is_one_word_and_known()
    {
        var version = await _admin.Result("Version");

        Assert.Matches("^[A-Za-z-.0-9]+$", version.GetProperty("installed_version").GetString());
        Assert.DoesNotContain("uninitialized", version.ToString(), StringComparison.Ordinal);
        Assert.False(version.GetProperty("outdated").GetBoolean());
    }

    [Fact]
    [Trait("Behaviour", "39")]
    public async Task Behaviour_39_the_five_figures_are_shown_without_authentication()
    {
        await _admin.Init("admin/measured");

        var page = await node.Host.Http.GetStringAsync("/metrics");

        foreach (var name in new[]
        {
            "dm_req_total{url=\"/rpc\",http_method=\"POST\",status_code=\"200\"}",
            "dm_req_duration_seconds_count{url=\"/rpc\",http_method=\"POST\",status_code=\"200\"}",
            "dm_rpc_req_duration_seconds_count{url=\"/rpc\",rpc_method=\"DotmeshRPC.Create\",status_code=\"200\"}",
            "dm_state_transition_total{from=\"",
            "dm_zpool_usage_percentage{node_name=\"" + node.Host.Dots.ThisNode.Value,
        })
        {
            Assert.Contains(name, page, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("", "n", "", "namespace cannot be empty")]
    [InlineData("n", "", "", "name cannot be empty")]
    [InlineData("!", "n", "", "invalid namespace name, " + Pattern)]
    [InlineData("n", "!", "", "invalid dot name, " + Pattern)]
    [InlineData("n", "@", "", "invalid dot name, " + Pattern)]
    [InlineData("n", "n", "!", "invalid branch name, " + Pattern)]
    [InlineData("n", "n\n", "", "invalid dot name, " + Pattern)]
    [InlineData("n", "n", "", "")]
    [InlineData("n", "n", "b", "")]
    [Trait("Behaviour", "151")]
    public async Task Behaviour_151_names_are_checked_with_the_matching_text(string space, string name, string branch, string text) =>
        Assert.Equal(text, await _admin.Text("CheckNameIsValid", new { Namespace = space, Name = name, Branch = branch }));

    [Fact]
    [Trait("Behaviour", "151")]
    public async Task Behaviour_151_a_name_of_64_characters_is_valid_and_one_of_65_is_not()
    {
        await _admin.Init($"admin/{new string('x', 64)}");
        Assert.Equal(
            "invalid dot name, " + Pattern, await _admin.Error("Create", RpcUser.Dot($"admin/{new string('x', 65)}")));
    }

    [Fact]
    [Trait("Behaviour", "154")]
    public async Task Behaviour_154_the_directory_knows_owner_collaborators_and_the_names_of_an_id()
    {
        await node.Alice.Init("alice/known");
        var id = await node.Alice.Lookup("alice/known");
        await node.Alice.Branch("alice/known", "master", "side", await node.Alice.Commit("alice/known"));
        await node.Alice.Result("AddCollaborator", new { MasterBranchID = id, Collaborator = "bob" });

        await node.Host.Restart();

        var shown = await node.Alice.Shown("alice/known");
        Assert.Equal("alice", shown.GetProperty("Owner").GetProperty("Name").GetString());
        Assert.Equal(["bob"], shown.GetProperty("Collaborators").EnumerateArray().Select(user => user.GetProperty("Name").GetString()));
        var side = await _admin.Result("Get", await _admin.Lookup("alice/known", "side"));
        Assert.Equal(("known", "side"), (side.GetProperty("Name").GetProperty("Name").GetString(), side.GetProperty("Branch").GetString()));
    }

    [Fact]
    [Trait("Behaviour", "154")]
    public async Task Behaviour_154_of_two_that_share_at_once_neither_is_lost()
    {
        await node.Alice.Init("alice/shared");
        var id = await node.Alice.Lookup("alice/shared");
        await Task.WhenAll(new[] { "bob", "admin" }.Select(
            name => node.Alice.Result("AddCollaborator", new { MasterBranchID = id, Collaborator = name })));

        var shown = await node.Alice.Shown("alice/shared");
        Assert.Equal(2, shown.GetProperty("Collaborators").GetArrayLength());
    }
}
