using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>Users who share through a common cluster (contract 11.11), with what their clients ask.</summary>
public sealed class BehaviourSharingSpec() : TwoNodesSpec(onPools: false)
{
    private static readonly (string Name, string Secret) Alice = ("alice", "alice's password");
    private static readonly (string Name, string Secret) Bob = ("bob", "bob's password");

    [Fact]
    [Trait("Behaviour", "91")]
    [Trait("Behaviour", "92")]
    public async Task Behaviours_91_92_two_users_push_dots_of_one_name_and_have_each_others_under_names_of_their_own()
    {
        await Users();
        await Here.Create("apples");
        await Here.Commits("apples", "alice's");
        await Here.Create("bobs-apples");
        await Here.Commits("bobs-apples", "bob's");
        Finished(await Over(Here.Begin("push", There, "apples", "alice/apples")));
        Finished(await Over(Here.Begin("push", There, "bobs-apples", "bob/apples", @as: Bob)));

        Assert.Equal(["alice/apples"], await Listed(Alice));
        Assert.Equal(["bob/apples"], await Listed(Bob));
        Assert.Equal(["alice/apples", "bob/apples"], await Listed(("admin", NodeProcess.ReadKey(There.Nodes[0].Setup))));

        await Here.Commits("bobs-apples", "more");
        Finished(await Over(Here.Begin("push", There, "bobs-apples", "bob/apples")));
        Assert.Equal(["bob's", "more"], await Log(Bob, "bob", "apples"));
    }

    [Fact]
    [Trait("Behaviour", "93")]
    public async Task Behaviour_93_a_branch_that_is_cloned_alone_has_the_files_of_both()
    {
        await Users();
        await There.Create("cress");
        var on = await There.Commits("cress", "on master");
        await There.Branch("cress", "master", "mustard", on);
        await There.Commits("cress", "on branch", "mustard");

        Finished(await Over(Here.Begin("pull", There, "cress", "cress", "mustard")));

        Assert.Equal("on master", await Here.Read("cress", "on master", "mustard"));
        Assert.Equal("on branch", await Here.Read("cress", "on branch", "mustard"));
    }

    [Fact]
    [Trait("Behaviour", "96")]
    public async Task Behaviour_96_a_collaborator_clones_and_pushes_and_who_is_none_does_neither()
    {
        await Users();
        await Here.Create("bananas");
        await Here.Commits("bananas", "one");
        Finished(await Over(Here.Begin("push", There, "bananas", "alice/bananas", @as: Alice)));
        await Here.Commits("bananas", "two");

        Assert.Contains("Permission denied", await Here.Refused("push", There, "bananas", "alice/bananas", @as: Bob), StringComparison.Ordinal);
        using (var alice = Client(Alice))
        {
            await alice.Call("AddCollaborator", new { MasterBranchID = await There.Rpc().Text("Exists", new { Namespace = "alice", Name = "bananas" }), Collaborator = "bob" });
        }

        Finished(await Over(Here.Begin("push", There, "bananas", "alice/bananas", @as: Bob)));
        Assert.Equal(["one", "two"], await Log(Bob, "alice", "bananas"));
    }

    [Fact]
    [Trait("Behaviour", "99")]
    [Trait("Behaviour", "100")]
    [Trait("Behaviour", "101")]
    public async Task Behaviours_99_100_101_only_an_admin_makes_dots_in_a_namespace_of_somebody_else_and_nobody_in_one_that_there_is_not()
    {
        await Users();
        await Here.Create("grapes");

        Assert.NotEmpty(await Here.Refused("push", There, "grapes", "nonexistant/grapes", @as: Alice));
        Assert.NotEmpty(await Here.Refused("push", There, "grapes", "nonexistant/grapes"));
        Assert.Equal(
            "User is not an administrator for namespace bob, so cannot create volumes",
            await Here.Refused("push", There, "grapes", "bob/grapes", @as: Alice));
        Assert.Empty(await Listed(("admin", NodeProcess.ReadKey(There.Nodes[0].Setup))));

        Finished(await Over(Here.Begin("push", There, "grapes", "bob/grapes")));
        Assert.Equal(["bob/grapes"], await Listed(Bob));
    }

    [Fact]
    [Trait("Behaviour", "98")]
    public async Task Behaviour_98_a_dot_is_deleted_by_its_owner_and_by_nobody_he_shares_it_with()
    {
        await Users();
        await Here.Create("figs");
        Finished(await Over(Here.Begin("push", There, "figs", "alice/figs", @as: Alice)));
        using var alice = Client(Alice);
        await alice.Call("AddCollaborator", new { MasterBranchID = await There.Rpc().Text("Exists", new { Namespace = "alice", Name = "figs" }), Collaborator = "bob" });
        using var bob = Client(Bob);

        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => bob.Call("Delete", new { Namespace = "alice", Name = "figs" }));

        Assert.Contains("You are not the owner", refusal.Text, StringComparison.Ordinal);
        Assert.Equal(["alice/figs"], await Listed(Bob));
        await alice.Call("Delete", new { Namespace = "alice", Name = "figs" });
        Assert.Empty(await Listed(Bob));
    }

    [Fact]
    public async Task A_wrong_key_is_told_as_such_and_is_in_no_answer()
    {
        await Here.Create("keys");

        var refused = await Here.Refused("push", There, "keys", "keys", @as: ("admin", "not-the-key"));

        Assert.StartsWith("Unable to connect to any of the addresses attempted", refused, StringComparison.Ordinal);
        Assert.Contains("Permission denied", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("not-the-key", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("not-the-key", Here.Logs, StringComparison.Ordinal);
    }

    private static void Finished(JsonNode record) => Side.Finished(record);

    private async Task Users()
    {
        foreach (var (name, secret) in new[] { Alice, Bob })
        {
            await There.Rpc().Call("RegisterNewUser", new { Name = name, Email = $"{name}@example.com", Password = secret });
        }
    }

    private async Task<JsonNode> Over(Task<string> begun) => await Here.Over(await begun);

    private RpcClient Client((string Name, string Secret) user) => new(new Uri(There.Nodes[0].Address, "/rpc"), user.Name, user.Secret);

    private async Task<IReadOnlyList<string>> Listed((string Name, string Secret) user)
    {
        using var client = Client(user);
        return
        [
            .. ((JsonObject)(await client.Call("List"))!)
                .SelectMany(space => ((JsonObject)space.Value!).Select(dot => $"{space.Key}/{dot.Key}")).Order(StringComparer.Ordinal),
        ];
    }

    private async Task<IReadOnlyList<string>> Log((string Name, string Secret) user, string space, string name)
    {
        using var client = Client(user);
        return
        [
            .. ((JsonArray)(await client.Call("Commits", new { Namespace = space, Name = name, Branch = "" }))!)
                .Select(commit => (string)commit!["Metadata"]!["message"]!).Where(message => message != "Initial commit"),
        ];
    }
}
