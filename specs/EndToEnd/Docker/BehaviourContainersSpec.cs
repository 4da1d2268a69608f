using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Docker;

/// <summary>Behaviours of section 11 of the contract that need an engine: containers that use dots, on one node.</summary>
public abstract class BehaviourContainersSpec(DockerNode node, string storage)
{
    private readonly DockerEngineHost _engine = node.Engine;

    [SkippableFact]
    [Trait("Behaviour", "1")]
    public async Task Behaviour_1_3_A_new_volume_name_makes_the_dot_and_it_can_be_deleted_when_the_container_has_ended()
    {
        Require();
        await _engine.Run("fresh", "echo hello >/foo/HELLO");

        Assert.NotEmpty(await node.Node.Rpc.Text("Lookup", node.Triple("fresh")));
        await node.Dm.Delete("fresh");
        Assert.Equal("", await node.Node.Rpc.Text("Exists", node.Triple("fresh")));
    }

    [SkippableFact]
    [Trait("Behaviour", "23")]
    public async Task Behaviour_23_A_new_container_on_the_plain_name_sees_the_branch_that_is_checked_out()
    {
        Require();
        await _engine.Run("checked", "touch /foo/X");
        await node.Dm.Commit("checked");
        await node.Dm.CheckoutNew("checked", "branch1");
        await _engine.Run("checked", "touch /foo/Y");
        await node.Dm.Commit("checked");

        await node.Dm.Checkout("checked", "master");
        Assert.Equal("X", await _engine.Run("checked", "ls /foo"));
        await node.Dm.Checkout("checked", "branch1");
        Assert.Equal("X\nY", await _engine.Run("checked", "ls /foo"));
    }

    [SkippableFact]
    [Trait("Behaviour", "25")]
    public async Task Behaviour_25_26_A_rollback_under_a_running_container_restarts_it()
    {
        Require();
        await _engine.Start("reset", "reset");
        await _engine.Exec("reset", "echo one >/foo/first");
        await node.Dm.Commit("reset");
        await _engine.Exec("reset", "echo two >/foo/second");
        await node.Dm.Commit("reset");
        var before = await _engine.StartedAt("reset");

        await node.Dm.Reset("reset", "HEAD^");

        Assert.NotEqual(before, await _engine.StartedAt("reset"));
        Assert.True(await _engine.IsRunning("reset"));
        Assert.Equal("first", await _engine.Exec("reset", "ls /foo"));
    }

    [SkippableFact]
    [Trait("Behaviour", "28")]
    public async Task Behaviour_28_53_A_running_container_is_listed_and_its_dot_cannot_be_deleted()
    {
        Require();
        await _engine.Start("tester", "listed");
        await Lists("listed", "/tester");
        Assert.Single((System.Text.Json.Nodes.JsonArray)(await node.Node.Rpc.Call("Containers", node.Triple("listed")))!);

        var refusal = await node.Refusal("Delete", node.Name("listed"));
        Assert.Contains("cannot delete the volume", refusal, StringComparison.Ordinal);
        Assert.Contains(_engine.Named("tester"), refusal, StringComparison.Ordinal);

        await _engine.Remove("tester");
        await Lists("listed", "");
        await node.Node.Rpc.Call("Delete", node.Name("listed"));
    }

    [SkippableFact]
    [Trait("Behaviour", "30")]
    public async Task Behaviour_30_A_new_dot_over_a_folder_of_the_image_takes_what_is_in_it()
    {
        Require();
        string[] overEtc = ["run", "--label", $"dotmesh.spec={_engine.Driver}", "--volume-driver", _engine.Driver, "-v", $"{_engine.Named("imported")}:/etc", DockerEngineHost.Image];

        Assert.Contains("root", await _engine.Docker([.. overEtc, "cat", "/etc/passwd"]), StringComparison.Ordinal);
        // also has the engine forget it at the end
        Assert.Contains("root", await _engine.Run("imported", "cat /foo/passwd"), StringComparison.Ordinal);
    }

    [SkippableFact]
    [Trait("Behaviour", "31")]
    public async Task Behaviour_31_What_one_container_wrote_the_next_one_sees()
    {
        Require();
        await _engine.Run("twice", "echo hello >/foo/HELLO");
        Assert.Equal("hello", await _engine.Run("twice", "cat /foo/HELLO"));
        Assert.Equal(_engine.Driver, await _engine.Docker(["volume", "inspect", _engine.Named("twice"), "--format", "{{.Driver}}"]));
    }

    [SkippableFact]
    [Trait("Behaviour", "32")]
    public async Task Behaviour_32_A_pinned_branch_is_that_branch_whatever_is_checked_out()
    {
        Require();
        await _engine.Run("pinned", "touch /foo/HELLO-ORIGINAL");
        await node.Commit("pinned");
        foreach (var branch in new[] { "branch1", "branch2", "branch3" })
        {
            await node.Branch("pinned", branch);
            await _engine.Run($"pinned@{branch}", $"touch /foo/HELLO-{branch}");
            await node.Commit("pinned", branch);
        }

        await node.Dm.Checkout("pinned", "branch2");
        foreach (var branch in new[] { "branch1", "branch2", "branch3" })
        {
            Assert.Equal($"HELLO-ORIGINAL\nHELLO-{branch}", await _engine.Run($"pinned@{branch}", "ls /foo"));
        }
    }

    [SkippableFact]
    [Trait("Behaviour", "33")]
    public async Task Behaviour_33_34_Subdots_are_folders_of_the_root_and_a_plain_name_is_the_default_one()
    {
        Require();
        await _engine.Run("subs.__root__", "touch /foo/HELLO-ROOT");
        foreach (var subdot in new[] { "frogs", "eat", "flies" })
        {
            await _engine.Run($"subs.{subdot}", $"echo $0 >/foo/HELLO-{subdot}");
        }

        await _engine.Run("subs", "touch /foo/PLAIN");
        await node.Dm.Commit("subs");

        var all = await _engine.Run("subs.__root__", "cd /foo; find . -type f | grep -v dotmesh.metadata | sort");
        Assert.Equal("./HELLO-ROOT\n./__default__/PLAIN\n./eat/HELLO-eat\n./flies/HELLO-flies\n./frogs/HELLO-frogs", all);
    }

    [SkippableFact]
    [Trait("Behaviour", "35")]
    public async Task Behaviour_35_36_37_Four_containers_on_four_subdots_are_switched_together()
    {
        Require();
        string[] subdots = ["again", "also", "more", "frogs"];
        foreach (var subdot in subdots)
        {
            await _engine.Start($"four-{subdot}", $"four.{subdot}");
            await _engine.Exec($"four-{subdot}", $"touch /foo/HELLO-{subdot}");
        }

        await Lists("four", "/four-again,/four-also,/four-frogs,/four-more");
        Assert.Equal("/four-again,/four-also,/four-frogs,/four-more", await node.Dm.Containers("four"));
        await node.Dm.Commit("four");
        await node.Dm.CheckoutNew("four", "branch1");
        await _engine.Run("four@branch1.again", "touch /foo/BRANCH");
        Assert.Equal(
            "./again/BRANCH\n./again/HELLO-again\n./also/HELLO-also\n./frogs/HELLO-frogs\n./more/HELLO-more",
            await _engine.Run("four@branch1.__root__", "cd /foo; find . -type f | grep -v dotmesh.metadata | sort"));
        Assert.Equal("BRANCH\nHELLO-again", await _engine.Exec("four-again", "ls /foo"));

        await node.Dm.Checkout("four", "master");
        foreach (var subdot in subdots)
        {
            Assert.Equal($"HELLO-{subdot}", await _engine.Exec($"four-{subdot}", "ls /foo"));
        }
    }

    [SkippableFact]
    [Trait("Behaviour", "38")]
    public async Task Behaviour_38_A_switch_shows_the_other_branch_in_every_subdot()
    {
        Require();
        await _engine.Run("switched", "true");
        await _engine.Run("switched.frogs", "true");
        await node.Commit("switched");
        foreach (var branch in new[] { "branch_A", "branch_B" })
        {
            await node.Branch("switched", branch);
            await _engine.Run($"switched@{branch}.frogs", $"echo {branch}_frogs >/foo/HELLO");
            await _engine.Run($"switched@{branch}", $"echo {branch}_default >/foo/HELLO");
            await node.Commit("switched", branch);
        }

        await _engine.Start("switched-default", "switched");
        await _engine.Start("switched-frogs", "switched.frogs");
        foreach (var branch in new[] { "branch_B", "branch_A" })
        {
            await node.Dm.Checkout("switched", branch);
            Assert.Equal($"{branch}_default", await _engine.Exec("switched-default", "cat /foo/HELLO"));
            Assert.Equal($"{branch}_frogs", await _engine.Exec("switched-frogs", "cat /foo/HELLO"));
        }
    }

    [SkippableFact]
    [Trait("Behaviour", "54")]
    public async Task Behaviour_54_After_a_deletion_the_name_is_free_at_once_and_the_new_dot_is_empty()
    {
        Require();
        await _engine.Run("reused", "touch /foo/OLD");
        await node.Node.Rpc.Call("Delete", node.Name("reused"));

        Assert.Equal("", await node.Node.Rpc.Text("Exists", node.Triple("reused")));
        Assert.Equal("", await _engine.Run("reused", "ls /foo"));
    }

    /// <summary>The engine tells of what happens to containers when it has happened.</summary>
    private Task Lists(string dot, string names) => Patience.Holds(
        async () => await node.Listed(dot) == names ? this : null, TimeSpan.FromSeconds(20), () => $"{dot} is not used by '{names}'\n{node.Node.Log}");

    private void Require()
    {
        Lanes.Require(Lanes.Docker);
        if (storage.Length > 0)
        {
            Lanes.Require(storage);
        }
    }
}

public sealed class BehaviourContainersOnFolders(DockerNode node) : BehaviourContainersSpec(node, ""), IClassFixture<DockerNode>;

public sealed class BehaviourContainersOnZfs(DockerNodeOnZfs node) : BehaviourContainersSpec(node, Lanes.Zfs), IClassFixture<DockerNodeOnZfs>;
