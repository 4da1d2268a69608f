using Dotmesh.Specs.EndToEnd.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Cli;

/// <summary>Alice and Bob, each with a cluster, share through a common one; all that they type is <c>dm</c> (contract 11.11).</summary>
[Trait("Speed", "slow")]
public sealed class DmSharingSpec() : TwoNodesSpec(onPools: false)
{
    private const string AlicesPassword = "alice is great", BobsPassword = "bob is great";

    private readonly ScratchFolder _folder = new();
    private NodeProcess? _bobs;

    private Support.Dm Alice => Support.Dm.Of(Here.Nodes[0]);

    private Support.Dm Bob => Support.Dm.Of(_bobs!);

    private Support.Dm Common => Support.Dm.Of(There.Nodes[0]);

    private Side BobsCluster => new([_bobs!]);

    public override async Task DisposeAsync()
    {
        if (_bobs is { } bobs)
        {
            await bobs.DisposeAsync();
        }

        _folder.Dispose();
        await base.DisposeAsync();
    }

    [Fact]
    [Trait("Behaviour", "91")]
    [Trait("Behaviour", "92")]
    [Trait("Behaviour", "93")]
    public async Task Behaviours_91_to_93_two_dots_of_one_name_go_both_ways_and_so_does_a_branch()
    {
        await Begin();
        await Alice.Says("init", "apples");
        await Here.Commits("apples", "alices");
        await Bob.Says("init", "apples");
        await BobsCluster.Commits("apples", "bobs");
        await Alice.Says("push", "common", "apples", "--remote-name", "alice/apples");
        await Bob.Says("push", "common", "apples", "--remote-name", "bob/apples");

        await Alice.Says("clone", "common_admin", "bob/apples", "--local-name", "bob-apples");
        await Bob.Says("clone", "common_admin", "alice/apples", "--local-name", "alice-apples");

        Assert.Equal("alice/apples\nbob/apples", await Common.Says("list", "-o", "name"));
        Assert.Equal("apples\nbob-apples", await Alice.Says("list", "-o", "name"));
        Assert.Equal("alice-apples\napples", await Bob.Says("list", "-o", "name"));
        Assert.Equal("bobs", await Here.Read("bob-apples", "bobs"));
        Assert.Equal("alices", await BobsCluster.Read("alice-apples", "alices"));

        await BobsCluster.Commits("apples", "more");
        await Bob.Says("push", "common", "apples");
        await Alice.Says("pull", "common_admin", "bob-apples", "--remote-name", "bob/apples");
        Assert.Equal("more", await Here.Read("bob-apples", "more"));

        await Alice.Says("init", "cress");
        await Here.Commits("cress", "on master");
        await Alice.Says("push", "common");
        await Alice.Says("checkout", "-b", "mustard");
        await Here.Commits("cress", "on branch", "mustard");
        await Alice.Says("push", "common");
        await Bob.Says("clone", "common_admin", "alice/cress", "mustard");
        Assert.Equal("on master", await BobsCluster.Read("cress", "on master", "mustard"));
        Assert.Equal("on branch", await BobsCluster.Read("cress", "on branch", "mustard"));
    }

    [Fact]
    [Trait("Behaviour", "96")]
    [Trait("Behaviour", "98")]
    [Trait("Behaviour", "99")]
    [Trait("Behaviour", "100")]
    [Trait("Behaviour", "101")]
    [Trait("Behaviour", "125")]
    public async Task Behaviours_96_98_to_101_125_who_may_do_what_with_whose_dots()
    {
        await Begin();
        await Alice.Says("init", "bananas");
        await Here.Commits("bananas", "one");
        await Alice.Says("push", "common");
        Assert.Contains("Permission denied", await Bob.Fails(4, "clone", "common", "alice/bananas"), StringComparison.Ordinal);
        var alice = new Support.Dm(Path.Combine(_folder.Path, "alice"));
        await alice.Add("common", There.Nodes[0], "alice", AlicesPassword);
        await alice.Says("share", "alice/bananas", "bob");

        await Bob.Says("clone", "common", "alice/bananas");
        Assert.Contains("defaultUpstreamDot\tcommon\talice/bananas", await Bob.Says("dot", "show", "-H", "bananas"), StringComparison.Ordinal);
        await Here.Commits("bananas", "two");
        await Alice.Says("push", "common");
        await Bob.Says("pull", "common");
        await BobsCluster.Commits("bananas", "three");
        await Bob.Says("push", "common");
        Assert.Contains("    three", await alice.Says("log"), StringComparison.Ordinal);

        var bob = new Support.Dm(Path.Combine(_folder.Path, "bob"));
        await bob.Add("common", There.Nodes[0], "bob", BobsPassword);
        Assert.Contains("You are not the owner", await bob.Fails(4, "dot", "delete", "-f", "alice/bananas"), StringComparison.Ordinal);
        await bob.Says("init", "bob/own");
        await bob.Says("switch", "bob/own");
        await bob.Says("commit", "-m", "his");
        Assert.Contains("    his", await bob.Says("log"), StringComparison.Ordinal);
        await bob.Says("dot", "delete", "-f", "bob/own");

        await Alice.Says("init", "grapes");
        await Here.Commits("grapes", "some");
        Assert.NotEmpty((await Alice.Run("push", "common", "grapes", "--remote-name", "nonexistant/grapes")).Errors);
        Assert.NotEmpty((await Alice.Run("push", "common", "grapes", "--remote-name", "bob/passionfruit")).Errors);
        Assert.Equal("alice/bananas", await Common.Says("list", "-o", "name"));
        await Alice.Says("push", "common_admin", "grapes", "--remote-name", "bob/prune");
        Assert.Equal("alice/bananas\nbob/prune", await Common.Says("list", "-o", "name"));
    }

    private async Task Begin()
    {
        _bobs = await NodeProcess.Start(new NodeSetup(Path.Combine(_folder.Path, "bobs")));
        foreach (var (name, password) in new[] { ("alice", AlicesPassword), ("bob", BobsPassword) })
        {
            var added = await Common.RunWith([("DOTMESH_NEW_PASSWORD", password)], "user", "add", name, "--email", $"{name}@example.com");
            Assert.True(added.ExitCode == 0, added.ToString());
        }

        await Alice.Add("common", There.Nodes[0], "alice", AlicesPassword);
        await Alice.Add("common_admin", There.Nodes[0]);
        await Bob.Add("common", There.Nodes[0], "bob", BobsPassword);
        await Bob.Add("common_admin", There.Nodes[0]);
    }
}
