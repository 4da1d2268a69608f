using System.Net;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

public sealed class BehaviourUsersSpec(BehaviourNode node) : IClassFixture<BehaviourNode>
{
    private const string Ping = """{"jsonrpc":"2.0","method":"DotmeshRPC.Ping","params":{},"id":1}""";

    private readonly RpcUser _admin = node.Admin;
    private readonly RpcUser _alice = node.Alice;
    private readonly RpcUser _bob = node.Bob;

    [Fact]
    [Trait("Behaviour", "49")]
    public async Task Behaviour_49_a_key_tells_itself() => Assert.Equal(RpcHost.ApiKey, await KeyOf(_admin));

    [Fact]
    [Trait("Behaviour", "50")]
    [Trait("Behaviour", "51")]
    public async Task Behaviours_50_51_a_key_is_reset_with_the_password_alone_and_the_old_one_is_refused_from_then_on()
    {
        var carol = await Register("carol");
        var old = await KeyOf(carol);
        var byKey = new RpcUser(node.Host, "carol", old);
        Assert.Equal("Password authentication is required for this method.", await byKey.Error("ResetApiKey"));
        Assert.Equal(old, await KeyOf(byKey));

        var fresh = (await carol.Result("ResetApiKey")).GetProperty("ApiKey").GetString()!;

        Assert.NotEqual(old, fresh);
        using var refused = await node.Host.Post(Ping, "carol", old);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        var renewed = await new RpcUser(node.Host, "carol", fresh).Result("CurrentUser");
        Assert.Equal("carol", renewed.GetProperty("Name").GetString());
    }

    [Fact]
    [Trait("Behaviour", "88")]
    public async Task Behaviour_88_a_registered_user_makes_a_dot_with_the_password_and_admin_can_commit_it()
    {
        await _bob.Init("bob/restoreme");
        await _admin.Commit("bob/restoreme", "by admin");

        Assert.NotNull(await _bob.Listed("bob/restoreme"));
        Assert.Equal(["Initial commit", "by admin"], await _bob.Log("bob/restoreme"));
        Assert.Equal("bob", (await _bob.Shown("bob/restoreme")).GetProperty("Owner").GetProperty("Name").GetString());
    }

    [Fact]
    [Trait("Behaviour", "96")]
    public async Task Behaviour_96_a_collaborator_added_by_the_owner_reads_and_commits()
    {
        await _alice.Init("alice/bananas");
        Assert.Null(await _bob.Listed("alice/bananas"));
        Assert.Equal("Permission denied.", await _bob.Error("Commits", RpcUser.Triple("alice/bananas")));
        var sharing = new { MasterBranchID = await _alice.Lookup("alice/bananas"), Collaborator = "bob" };
        Assert.Equal("Not owner. Please ask the owner to add the collaborator.", await _bob.Error("AddCollaborator", sharing));

        await _alice.Result("AddCollaborator", sharing);

        Assert.NotNull(await _bob.Listed("alice/bananas"));
        await _bob.Commit("alice/bananas", "by bob");
        var commit = (await _alice.Commits("alice/bananas"))[^1];
        Assert.Equal(("by bob", "bob"), (RpcUser.Metadata(commit, "message"), RpcUser.Metadata(commit, "author")));

        await _alice.Result("RemoveCollaborator", sharing);
        Assert.Equal("Permission denied.", await _bob.Error("Commits", RpcUser.Triple("alice/bananas")));
    }

    [Fact]
    [Trait("Behaviour", "98")]
    public async Task Behaviour_98_nobody_but_the_owner_deletes_a_dot()
    {
        await _alice.Init("alice/mine");
        var sharing = new { MasterBranchID = await _alice.Lookup("alice/mine"), Collaborator = "bob" };
        var refusal = "You are not the owner of volume alice/mine. Only the owner can delete it.";
        Assert.Equal(refusal, await _bob.Error("Delete", RpcUser.Dot("alice/mine")));

        await _alice.Result("AddCollaborator", sharing);

        Assert.Equal(refusal, await _bob.Error("Delete", RpcUser.Dot("alice/mine")));
        Assert.NotNull(await _alice.Listed("alice/mine"));
    }

    [Fact]
    [Trait("Behaviour", "99")]
    public async Task Behaviour_99_a_namespace_of_nobody_takes_no_dots_and_nothing_appears()
    {
        foreach (var user in new[] { _alice, _admin })
        {
            Assert.Equal("Unable to locate owner nonexistant.", await user.Error("Create", RpcUser.Dot("nonexistant/grapes")));
        }

        Assert.Null(await _admin.Listed("nonexistant/grapes"));
    }

    [Fact]
    [Trait("Behaviour", "101")]
    public async Task Behaviour_101_admin_makes_a_dot_in_a_users_namespace_and_it_is_the_users()
    {
        await _admin.Init("bob/prune");

        Assert.NotNull(await _bob.Listed("bob/prune"));
        await _bob.Delete("bob/prune");
        Assert.Null(await _admin.Listed("bob/prune"));
    }

    [Fact]
    public async Task A_dot_that_a_user_makes_in_anothers_namespace_is_the_others_and_a_stranger_learns_the_id_of_a_dot_and_no_more()
    {
        await _alice.Init("bob/gift");
        Assert.Null(await _alice.Listed("bob/gift"));
        Assert.Equal("Permission denied.", await _alice.Error("Commit", RpcUser.Triple("bob/gift")));

        var id = await _alice.Lookup("bob/gift");
        Assert.Equal(id, await _alice.Text("Exists", RpcUser.Triple("bob/gift")));
        foreach (var method in new[] { "Get", "CommitsById" })
        {
            Assert.Equal("Permission denied.", await _alice.Error(method, id));
        }

        Assert.NotNull(await _bob.Listed("bob/gift"));
        await _bob.Delete("bob/gift");
    }

    [Fact]
    [Trait("Behaviour", "125")]
    public async Task Behaviour_125_users_make_commit_read_and_delete_dots_of_their_own()
    {
        await _bob.Init("bob/own");
        var commit = await _bob.Commit("bob/own", "hello");
        await _bob.Branch("bob/own", "master", "side", commit);
        Assert.Equal(["Initial commit", "hello"], await _bob.Log("bob/own"));

        await _bob.Delete("bob/own");

        Assert.Null(await _bob.Listed("bob/own"));
    }

    [Theory]
    [InlineData("", "invalid password: password cannot be empty, password length should be at least 7 symbols")]
    [InlineData("short1", "invalid password: password length should be at least 7 symbols")]
    [Trait("Behaviour", "152")]
    public async Task Behaviour_152_an_empty_or_short_password_is_refused(string password, string text) =>
        Assert.Equal(text, await _admin.Error("UpdateUserPassword", new { Id = "bob", NewPassword = password }));

    [Fact]
    [Trait("Behaviour", "152")]
    [Trait("Behaviour", "153")]
    public async Task Behaviours_152_153_who_logged_in_by_password_is_privileged_and_who_did_by_key_is_not()
    {
        var dave = await Register("dave");
        var key = await KeyOf(dave);
        Assert.NotEmpty(key);
        Assert.Equal("dave", (await dave.Result("AuthenticatedUser")).GetProperty("Name").GetString());
        Assert.Equal(
            "Password authentication is required for this method.",
            await new RpcUser(node.Host, "dave", key).Error("AuthenticatedUser"));

        using var wrong = await node.Host.Post(Ping, "dave", "dave is not great");
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        using var empty = await node.Host.Post(Ping, "dave", "");
        Assert.Equal(HttpStatusCode.Unauthorized, empty.StatusCode);
    }

    private async Task<RpcUser> Register(string name)
    {
        await _admin.Result("RegisterNewUser", new { Name = name, Email = $"{name}@example.com", Password = $"{name} is great" });
        var found = await _admin.Result("UserFromName", new { Name = name });
        Assert.Equal($"{name}@example.com", found.GetProperty("Email").GetString());
        return new RpcUser(node.Host, name, $"{name} is great");
    }

    private static async Task<string> KeyOf(RpcUser user) =>
        (await user.Result("GetApiKey")).GetProperty("ApiKey").GetString()!;
}
