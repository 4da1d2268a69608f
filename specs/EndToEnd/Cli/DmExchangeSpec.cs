using System.Text.Json.Nodes;
using Dotmesh.Specs.EndToEnd.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Cli;

/// <summary>Push, pull and clone between two clusters from the command line (contract 7.3, 11.9, 11.11).</summary>
[Trait("Speed", "slow")]
public sealed class DmExchangeSpec() : TwoNodesSpec(onPools: false)
{
    private Support.Dm A => Support.Dm.Of(Here.Nodes[0]);

    private Support.Dm B => Support.Dm.Of(There.Nodes[0]);

    [Fact]
    [Trait("Behaviour", "69")]
    [Trait("Behaviour", "70")]
    [Trait("Behaviour", "71")]
    [Trait("Behaviour", "81")]
    public async Task Behaviours_69_to_71_81_commits_and_branches_go_over_and_new_ones_follow()
    {
        await A.Add("second", There.Nodes[0]);
        await A.Says("init", "apples");
        await Here.Commits("apples", "one");

        var said = await A.Run("push", "second");

        Assert.Equal("Pushing admin/apples to second:admin/apples\nDone!", said.Output);
        Assert.Matches("(?s)(syncing|pushing).*finished 1/1", said.Errors);
        Assert.Equal("apples", await B.Says("list", "-o", "name"));
        Assert.Contains("    one", await B.Says("log"), StringComparison.Ordinal);
        await Here.Commits("apples", "two");
        await A.Says("push", "second");
        Assert.Contains("    two", await B.Says("log"), StringComparison.Ordinal);

        await A.Says("checkout", "-b", "pears");
        await A.Says("commit", "-m", "on pears");
        await A.Says("checkout", "-b", "plums");
        await A.Says("commit", "-m", "on plums");
        await A.Says("push", "second");
        Assert.Equal("* master\n  pears\n  plums", await B.Says("branch"));
        await B.Says("checkout", "plums");
        Assert.Contains("    on plums", await B.Says("log"), StringComparison.Ordinal);

        await B.Says("commit", "-m", "theirs");
        Assert.Equal("Pulling admin/apples from second:admin/apples\nDone!", await A.Says("pull", "second"));
        Assert.Contains("    theirs", await A.Says("log"), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Behaviour", "82")]
    [Trait("Behaviour", "87")]
    [Trait("Behaviour", "94")]
    [Trait("Behaviour", "95")]
    [Trait("Behaviour", "97")]
    public async Task Behaviours_82_94_95_97_names_on_the_other_side_are_remembered_and_can_be_chosen()
    {
        await There.Rpc().Call("RegisterNewUser", new { Name = "alice", Email = "alice@example.com", Password = "alice is great" });
        await A.Add("common_pears", There.Nodes[0], "alice", "alice is great");
        await A.Says("init", "pears");
        await Here.Commits("pears", "one");
        await A.Says("push", "common_pears");
        Assert.Equal("alice/pears", await B.Says("list", "-o", "name"));
        Assert.Equal("defaultUpstreamDot\tcommon_pears\talice/pears", await Upstream("pears"));

        await A.Says("dot", "set-upstream", "common_pears", "bob/kiwis");
        Assert.Equal("defaultUpstreamDot\tcommon_pears\tbob/kiwis", await Upstream("pears"));
        Assert.Equal("Please specify [<dot>] <remote> <remote-dot> as arguments.", await A.Fails(2, "dot", "set-upstream", "common_pears"));

        Assert.Contains("invalid dot name", await A.Fails(2, "push", "common_pears", "--remote-name", "@"), StringComparison.Ordinal);
        Assert.Contains("invalid dot name", await A.Fails(2, "clone", "common_pears", "pears", "--local-name", "@"), StringComparison.Ordinal);
        Assert.Contains("already exists", await A.Fails(5, "clone", "common_pears", "pears", "--local-name", "other"), StringComparison.Ordinal);

        await A.Says("dot", "delete", "-f", "pears");
        Assert.Equal("Pulling admin/mine from common_pears:alice/pears\nDone!", await A.Says("clone", "common_pears", "pears", "--local-name", "mine"));
        Assert.Equal("defaultUpstreamDot\tcommon_pears\talice/pears", await Upstream("mine"));
    }

    [Fact]
    [Trait("Behaviour", "72")]
    [Trait("Behaviour", "75")]
    [Trait("Behaviour", "76")]
    public async Task Behaviours_72_75_76_what_diverged_or_is_not_committed_there_is_said_and_put_aside_when_asked()
    {
        await A.Add("second", There.Nodes[0]);
        await A.Says("init", "apples");
        await Here.Commits("apples", "one");
        await A.Says("push", "second");
        await There.Commits("apples", "theirs");
        await Here.Commits("apples", "ours");

        var refused = await A.Fails(5, "push", "second");
        Assert.Contains("diverged", refused, StringComparison.Ordinal);
        Assert.Contains("--stash-on-divergence", refused, StringComparison.Ordinal);
        await A.Says("push", "second", "--stash-on-divergence");
        Assert.Contains("master-DIVERGED-", await B.Says("branch"), StringComparison.Ordinal);

        await There.Write("apples", "dirty", new string('d', 100_000));
        await Here.Commits("apples", "more");
        var dirty = await A.Fails(5, "push", "second");
        Assert.Matches("uncommitted|has been modified", dirty);
        Assert.Contains("Commit what was changed there first", dirty, StringComparison.Ordinal);
        Assert.NotEqual("0", (await B.Says("list", "-H")).Split('\t')[6]);
    }

    [Fact]
    public async Task A_transfer_is_left_alone_found_again_cancelled_and_retried()
    {
        await A.Add("second", There.Nodes[0]);
        await A.Says("init", "apples");
        await Here.Write("apples", "big", new string('b', 6_000_000));
        await Here.Commit("apples", "big");

        var id = await A.Says("push", "second", "--limit", "1", "--detach");
        await Here.Moving(id);
        Assert.Equal(id, await A.Says("transfers", "ls", "-o", "name"));
        Assert.Contains(id, await A.Says("status"), StringComparison.Ordinal);
        var late = await A.Run("transfers", "watch", id, "--timeout", "1s");
        Assert.Equal(8, late.ExitCode);
        Assert.Contains($"dm transfers cancel {id}", late.Errors, StringComparison.Ordinal);

        await A.Says("transfers", "cancel", id);
        await Here.Over(id);
        Assert.Equal("", await A.Says("transfers", "ls", "-o", "name"));
        Assert.Equal("error", (string?)JsonNode.Parse(await A.Says("transfers", "ls", "--all", "-o", "jsonl"))!["status"]);
        Assert.Contains("Cancelled by admin.", (await A.Says("transfers", "log", id)).Split('\n')[1], StringComparison.Ordinal);
        Assert.EndsWith("Done!", await A.Says("transfers", "retry", id), StringComparison.Ordinal);
        Assert.Equal("apples", await B.Says("list", "-o", "name"));
        Assert.Contains("No such intercluster transfer", await A.Fails(3, "transfers", "watch", "of-nobody"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_moved_is_told_to_scripts_as_json_or_by_its_id()
    {
        await A.Add("second", There.Nodes[0]);
        await B.Add("first", Here.Nodes[0]);
        await A.Says("init", "apples");
        await Here.Commits("apples", "one");

        var pushed = JsonNode.Parse(await A.Says("push", "second", "-o", "json"))!.AsObject();
        Assert.Equal(
            "id direction local localBranch peer remote remoteBranch status message index total sizeBytes sentBytes",
            string.Join(' ', pushed.Select(member => member.Key)));
        Assert.Equal(
            ("push", "admin/apples", "admin/apples", "finished", 1),
            ((string)pushed["direction"]!, (string)pushed["local"]!, (string)pushed["remote"]!, (string)pushed["status"]!, (int)pushed["total"]!));
        Assert.Equal((string)pushed["id"]!, await A.Says("transfers", "watch", (string)pushed["id"]!, "-o", "name"));

        await There.Commits("apples", "two");
        Assert.Equal("pull", (string)JsonNode.Parse(await A.Says("pull", "second", "-o", "jsonl"))!["direction"]!);
        await Here.Create("pears");
        await Here.Commits("pears", "one");
        var cloned = JsonNode.Parse(await B.Says("clone", "first", "pears", "--local-name", "mine", "-o", "json"))!;
        Assert.Equal(("pull", "admin/mine", "admin/pears"), ((string)cloned["direction"]!, (string)cloned["local"]!, (string)cloned["remote"]!));
        // with the push that the other side announced
        Assert.Equal(
            ["push", "pull"], JsonNode.Parse(await B.Says("transfers", "ls", "--all", "-o", "json"))!.AsArray().Select(one => (string)one!["direction"]!).Reverse());
        Assert.Equal("id", Assert.Single(JsonNode.Parse(await A.Says("push", "second", "--detach", "-o", "json"))!.AsObject()).Key);
    }

    [Fact]
    public async Task Remotes_are_added_listed_chosen_and_forgotten()
    {
        Assert.Equal("local", await A.Says("remote"));
        await A.Add("second", There.Nodes[0]);

        Assert.Equal("* local\tadmin@127.0.0.1\n  second\tadmin@127.0.0.1", await A.Says("remote", "-v"));
        Assert.Equal("Remote exists 'second'", await A.Fails(5, "remote", "add", "second", "admin@localhost"));
        Assert.Equal("Please specify user@cluster-hostname, got [third localhost]", await A.Fails(2, "remote", "add", "third", "localhost"));
        Assert.Equal("Too many arguments specified.", await A.Fails(2, "remote", "what"));
        await A.Says("remote", "switch", "second");
        Assert.StartsWith("  local", await A.Says("remote", "-v"), StringComparison.Ordinal);
        await A.Says("init", "there");
        Assert.Equal(["there"], (await There.Rpc().Call("List"))!["admin"]!.AsObject().Select(dot => dot.Key));
        await A.Says("remote", "rm", "second");
        Assert.StartsWith("No current remote is selected.", await A.Fails(1, "list"), StringComparison.Ordinal);
        Assert.StartsWith("No such remote 'secnd'", await A.Fails(3, "remote", "rm", "secnd"), StringComparison.Ordinal);
        Assert.StartsWith("No such remote 'second'", await A.Fails(3, "remote", "switch", "second"), StringComparison.Ordinal);
        await A.Says("remote", "switch", "local");

        var port = There.Nodes[0].Setup.ClientPort;
        var wrong = await A.RunWith([("DOTMESH_PASSWORD", "wrong")], "remote", "add", "second", $"admin@127.0.0.1:{port}");
        Assert.Equal((4, false), (wrong.ExitCode, JsonNode.Parse(await File.ReadAllTextAsync(A.Config))!["Remotes"]!.AsObject().ContainsKey("second")));
        var nobody = await A.RunWith([("DOTMESH_PASSWORD", "wrong")], "remote", "add", "second", $"admin@127.0.0.1:{FreePorts.Take()}");
        Assert.Equal(1, nobody.ExitCode);
        Assert.Contains("cannot be reached", nobody.Errors, StringComparison.Ordinal);

        var keyFile = Path.Combine(Path.GetDirectoryName(A.Config)!, "key");
        await File.WriteAllTextAsync(keyFile, NodeProcess.ReadKey(There.Nodes[0].Setup) + "\n");
        Assert.Equal("Remote added.", await A.Says("remote", "add", "second", $"admin@127.0.0.1:{port}", "--api-key-file", keyFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(A.Config));
    }

    [Fact]
    [Trait("Behaviour", "19")]
    [Trait("Behaviour", "29")]
    [Trait("Behaviour", "65")]
    [Trait("Behaviour", "89")]
    public async Task Behaviours_19_29_65_89_versions_the_api_by_hand_users_nodes_and_a_backup()
    {
        var version = await A.Says("version");
        Assert.StartsWith("Current remote: ", version, StringComparison.Ordinal);
        Assert.Matches(
            "^Client: Version: [A-Za-z.0-9-]+ Server: Version: [A-Za-z.0-9-]+$",
            string.Join(' ', version.Split('\n', 2)[1].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal("null", await A.Says("debug", "AllDotsAndBranches"));
        Assert.True((await A.Says("debug", "DotmeshRPC.DumpInternalState")).Length > 10);
        await A.Says("init", "apples");
        Assert.Equal(
            $"\"{await Here.IdOf("apples")}\"",
            await A.Says("debug", "DotmeshRPC.Lookup", """{"Namespace": "admin", "Name": "apples"}""", "--parse-json"));
        Assert.DoesNotContain(NodeProcess.ReadKey(Here.Nodes[0].Setup), (await A.Run("--verbose", "debug", "DotmeshRPC.GetApiKey")).Errors, StringComparison.Ordinal);

        var bob = await A.RunWith([("DOTMESH_NEW_PASSWORD", "bob is great")], "user", "add", "bob", "--email", "bob@example.com");
        Assert.Equal("User bob added.", bob.Output);
        var eve = await A.RunWith([("DOTMESH_NEW_PASSWORD", "eve is great")], "user", "add", "eve", "--email", "eve@example.com", "-o", "json");
        Assert.Equal("""{"name":"eve","email":"eve@example.com"}""", WithoutId(eve.Output).ToJsonString());
        Assert.Equal("admin\nbob\neve", await A.Says("user", "ls", "-o", "name"));
        await A.Says("share", "apples", "bob");
        var node = (await A.Says("node", "ls", "-o", "name")).Trim();
        Assert.Equal((string?)(await Here.Rpc().Call("DumpInternalState", ""))!["myNodeId"], node);
        await A.Says("move", "apples", node);
        await A.Says("share", "apples", "bob", "--remove");
        Assert.Equal(5, (await A.Run("node", "drain", node)).ExitCode);
        Assert.Contains(": healthy\nNodes: 1 of 1 up", await A.Says("cluster", "status"), StringComparison.Ordinal);

        var asBob = new Support.Dm(Path.Combine(Path.GetDirectoryName(A.Config)!, "bobs"));
        await asBob.Add("here", Here.Nodes[0], "bob", "bob is great");
        Assert.Contains("is not admin user", await asBob.Fails(4, "user", "ls"), StringComparison.Ordinal);
        var reset = await asBob.RunWith([("DOTMESH_PASSWORD", "bob is great")], "user", "apikey", "reset");
        Assert.True(reset.ExitCode == 0, reset.ToString());
        Assert.NotEqual("bob is great", (string)JsonNode.Parse(await File.ReadAllTextAsync(asBob.Config))!["Remotes"]!["here"]!["ApiKey"]!);
        await asBob.Says("init", "bob/pears");
        Assert.Equal("bob/pears", await asBob.Says("list", "-o", "name"));

        // users only: dots that are not there are named in an error
        var saved = JsonNode.Parse(await A.Says("cluster", "backup-etcd"))!.AsObject();
        (saved["registry_filesystems"], saved["registry_clones"], saved["filesystem_masters"]) = (null, null, null);
        var file = Path.Combine(Path.GetDirectoryName(A.Config)!, "users.json");
        await File.WriteAllTextAsync(file, saved.ToJsonString());
        var restored = await ChildProcess.Run("bash", ["-c", "\"$@\" < " + file, "-", .. B.Line("cluster", "restore-etcd")]);
        Assert.True(restored.ExitCode == 0, restored.ToString());
        using var there = new RpcClient(new Uri(There.Nodes[0].Address, "/rpc"), "bob", "bob is great");
        Assert.Equal("bob@example.com", (string?)(await there.Call("CurrentUser"))!["Email"]);
    }

    private static JsonObject WithoutId(string json)
    {
        var parsed = JsonNode.Parse(json)!.AsObject();
        Assert.True(parsed.Remove("id"), json);
        return parsed;
    }

    private async Task<string> Upstream(string dot) =>
        (await A.Says("dot", "show", "-H", dot)).Split('\n').Single(line => line.StartsWith("defaultUpstreamDot", StringComparison.Ordinal));
}
