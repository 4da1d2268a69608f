using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>What the contract says of pushes, pulls and clones between two clusters (sections 11.8 and 11.9).</summary>
/// <param name="many">Commits that are pushed at once.</param>
public abstract class BehaviourTransfersSpec(bool onPools, int many) : TwoNodesSpec(onPools)
{
    [SkippableFact]
    [Trait("Behaviour", "70")]
    [Trait("Behaviour", "86")]
    public async Task Behaviours_70_86_the_first_push_makes_the_dot_later_ones_bring_commits_and_branches_and_all_keep_their_messages()
    {
        await Here.Create("apples");
        await Here.Commits("apples", "one");
        await Here.Commits("apples", "two");
        Side.Finished(await Here.Push(There, "apples"));

        Assert.Equal(["one", "two"], await There.Log("apples"));
        Assert.Equal("two", await There.Read("apples", "two"));
        Assert.Equal(await Here.IdOf("apples"), await There.IdOf("apples"));

        var third = await Here.Commits("apples", "three");
        Side.Finished(await Here.Push(There, "apples"));
        Assert.Equal(["one", "two", "three"], await There.Log("apples"));

        await Here.Branch("apples", "master", "side", third);
        await Here.Commits("apples", "on side", "side");
        var pushed = Side.Finished(await Here.Push(There, "apples", branch: "side"));
        Assert.Equal(2, (int)pushed["Total"]!);
        Assert.Equal(["on side"], await There.Log("apples", "side"));
        Assert.Equal(["three", "on side"], [await There.Read("apples", "three", "side"), await There.Read("apples", "on side", "side")]);
        Assert.Equal(await Here.IdOf("apples", "side"), await There.IdOf("apples", "side"));
    }

    [SkippableFact]
    [Trait("Behaviour", "71")]
    public async Task Behaviour_71_a_branch_of_a_branch_of_a_branch_that_is_pushed_to_nobody_makes_all_of_them()
    {
        await Here.Create("deep");
        var (from, source) = (await Here.Commits("deep", "m"), "master");
        foreach (var branch in new[] { "b1", "b2", "b3" })
        {
            await Here.Branch("deep", source, branch, from);
            (from, source) = (await Here.Commits("deep", $"on {branch}", branch), branch);
        }

        await Here.Commits("deep", "later on master");
        Side.Finished(await Here.Push(There, "deep", branch: "b3"));

        Assert.Equal(["b1", "b2", "b3"], (await There.Branches("deep")).Order());
        Assert.Equal(["m"], await There.Log("deep"));
        Assert.Equal("on b3", await There.Read("deep", "on b3", "b3"));

        // some of it is there already now
        Side.Finished(await Here.Push(There, "deep", branch: "b2"));
        Side.Finished(await Here.Push(There, "deep"));
        Assert.Equal(["m", "later on master"], await There.Log("deep"));
    }

    [SkippableFact]
    [Trait("Behaviour", "72")]
    [Trait("Behaviour", "74")]
    public async Task Behaviours_72_74_a_push_onto_what_is_not_committed_is_refused_and_changes_nothing()
    {
        await Here.Create("dirty");
        await Here.Commits("dirty", "one");
        Side.Finished(await Here.Push(There, "dirty"));
        await Here.Commits("dirty", "two");
        await There.Write("dirty", "mine", "not committed");

        // sizes are told as of a second ago: what was written since is seen where it would be written over
        var error = await Refusal("dirty");
        Assert.True(
            error.Contains("uncommitted changes on volume where data would be written", StringComparison.Ordinal)
            || error.Contains("has been modified\nsince most recent snapshot", StringComparison.Ordinal), error);
        Assert.Equal(["one"], await There.Log("dirty"));
        Assert.Equal("not committed", await There.Read("dirty", "mine"));
    }

    [SkippableFact]
    [Trait("Behaviour", "75")]
    [Trait("Behaviour", "76")]
    public async Task Behaviours_75_76_a_push_after_commits_on_both_sides_says_so_or_leaves_those_there_as_a_branch()
    {
        await Diverge("pears");

        Assert.Contains("diverged", Side.Failed(await Here.Push(There, "pears")), StringComparison.Ordinal);
        Assert.Equal(["one", "theirs"], await There.Log("pears"));

        Side.Finished(await Here.Push(There, "pears", stash: true));
        Assert.Equal(["one", "ours"], await There.Log("pears"));
        var left = Assert.Single(await There.Branches("pears"));
        Assert.StartsWith("master-DIVERGED-", left, StringComparison.Ordinal);
        Assert.Equal(["theirs"], await There.Log("pears", left));
        Assert.Equal("theirs", await There.Read("pears", "theirs", left));
    }

    [SkippableFact]
    [Trait("Behaviour", "78")]
    [Trait("Behaviour", "84")]
    public async Task Behaviours_78_84_who_is_ahead_is_left_alone_with_the_flag_and_an_error_without_it()
    {
        await Here.Create("ahead");
        await Here.Commits("ahead", "one");
        Side.Finished(await Here.Push(There, "ahead"));
        await There.Commits("ahead", "two");

        Assert.Contains("toSnaps is ahead", Side.Failed(await Here.Push(There, "ahead")), StringComparison.Ordinal);
        Assert.Contains("ahead of the cluster", (string?)Side.Finished(await Here.Push(There, "ahead", stash: true))["Message"], StringComparison.Ordinal);
        Assert.Contains("ahead of the cluster", (string?)Side.Finished(await There.Pull(Here, "ahead", stash: true))["Message"], StringComparison.Ordinal);
        Assert.Equal(["one", "two"], await There.Log("ahead"));
        Assert.Equal(["one"], await Here.Log("ahead"));
    }

    [SkippableFact]
    [Trait("Behaviour", "79")]
    public async Task Behaviour_79_a_peer_that_goes_back_to_the_commit_before_takes_the_push()
    {
        await Here.Create("back");
        await Here.Commits("back", "one");
        Side.Finished(await Here.Push(There, "back"));
        await Here.Commits("back", "two");
        var one = (JsonArray)(await There.Rpc().Call("Commits", new { Namespace = "admin", Name = "back", Branch = "" }))!;
        await There.Commits("back", "theirs");

        await There.Rollback("back", (string)one[^1]!["Id"]!);
        Side.Finished(await Here.Push(There, "back"));

        Assert.Equal(["one", "two"], await There.Log("back"));
    }

    [SkippableFact]
    [Trait("Behaviour", "81")]
    public async Task Behaviour_81_a_clone_then_a_pull_then_a_branch_on_what_is_there()
    {
        await There.Create("plums");
        await There.Commits("plums", "one");
        Side.Finished(await Here.Pull(There, "plums"));
        Assert.Equal(["one"], await Here.Log("plums"));

        var two = await There.Commits("plums", "two");
        Side.Finished(await Here.Pull(There, "plums"));
        Assert.Equal(["one", "two"], await Here.Log("plums"));
        Assert.Equal("two", await Here.Read("plums", "two"));

        await There.Branch("plums", "master", "side", two);
        await There.Commits("plums", "on side", "side");
        Side.Finished(await Here.Pull(There, "plums", branch: "side"));
        Assert.Equal(["on side"], await Here.Log("plums", "side"));
        Assert.Contains("nothing to do", (string?)Side.Finished(await Here.Pull(There, "plums", branch: "side"))["Message"], StringComparison.Ordinal);
    }

    [SkippableFact]
    [Trait("Behaviour", "82")]
    public async Task Behaviour_82_the_same_remote_dot_under_a_second_name_is_refused()
    {
        await There.Create("twice");
        Side.Finished(await Here.Pull(There, "first", "twice"));

        Assert.Equal($"Filesystem ID {await There.IdOf("twice")} already exists", await Here.Refused("pull", There, "second", "twice"));
        Assert.Empty(await Here.IdOf("second"));
    }

    [SkippableFact]
    [Trait("Behaviour", "83")]
    [Trait("Behaviour", "85")]
    public async Task Behaviours_83_85_a_clone_with_the_flag_leaves_what_is_here_as_a_branch_committed_or_not()
    {
        await Diverge("quinces");
        await Here.Write("quinces", "unsaved", "not committed");

        Assert.Contains("uncommitted", await Here.Refused("pull", There, "quinces", "quinces"), StringComparison.Ordinal);
        Side.Finished(await Here.Pull(There, "quinces", stash: true));

        Assert.Equal(["one", "theirs"], await Here.Log("quinces"));
        var left = Assert.Single(await Here.Branches("quinces"));
        Assert.StartsWith("master-DIVERGED-", left, StringComparison.Ordinal);
        Assert.Equal(["ours", "committing dirty data ready for stashing"], await Here.Log("quinces", left));
        Assert.Equal("not committed", await Here.Read("quinces", "unsaved", left));
    }

    [SkippableFact]
    [Trait("Behaviour", "87")]
    public async Task Behaviour_87_names_that_are_none_are_refused_here_and_by_the_remote()
    {
        await Here.Create("named");

        Assert.Contains("invalid dot name", await Here.Refused("push", There, "@", "named"), StringComparison.Ordinal);
        Assert.Contains("invalid dot name", await Here.Refused("pull", There, "@", "named"), StringComparison.Ordinal);
        Assert.Contains("invalid dot name", await Here.Refused("push", There, "named", "@"), StringComparison.Ordinal);
    }

    [SkippableFact]
    [Trait("Behaviour", "77")]
    public async Task Behaviour_77_commits_that_somebody_reads_go_with_the_branch_that_is_left()
    {
        await Diverge("read");
        var read = (await There.Ids("read"))[^1];
        var path = await There.Rpc().Text("MountCommit", new { FilesystemId = await There.IdOf("read"), CommitId = read });
        Assert.Equal("theirs", await File.ReadAllTextAsync(Path.Combine(path, "__default__", "theirs")));

        Side.Finished(await Here.Push(There, "read", stash: true));

        Assert.Equal(["one", "ours"], await There.Log("read"));
        var left = Assert.Single(await There.Branches("read"));
        Assert.Equal(["theirs"], await There.Log("read", left));
        path = await There.Rpc().Text("MountCommit", new { FilesystemId = await There.IdOf("read", left), CommitId = read });
        Assert.Equal("theirs", await File.ReadAllTextAsync(Path.Combine(path, "__default__", "theirs")));
    }

    [SkippableFact]
    [Trait("Behaviour", "102")]
    public async Task Behaviour_102_a_branch_that_is_cloned_alone_brings_the_commits_of_master_that_are_below_it()
    {
        await There.Create("below");
        await There.Commits("below", "one");
        await There.Branch("below", "master", "side", await There.Commits("below", "two"));
        await There.Commits("below", "three");
        await There.Commits("below", "on side", "side");

        Side.Finished(await Here.Pull(There, "below", branch: "side"));
        Assert.Equal(["one", "two"], await Here.Log("below"));
        Assert.Equal(["on side"], await Here.Log("below", "side"));

        Side.Finished(await Here.Pull(There, "below"));
        Assert.Equal(["one", "two", "three"], await Here.Log("below"));
    }

    [SkippableFact]
    [Trait("Behaviour", "108")]
    public async Task Behaviour_108_all_of_the_many_commits_that_are_pushed_at_once_are_in_the_others_log()
    {
        await Here.Create("many");
        var messages = Enumerable.Range(1, many).Select(n => $"commit {n}").ToList();
        foreach (var message in messages)
        {
            await Here.Rpc().Call("Commit", new { Namespace = "admin", Name = "many", Branch = "", Message = message });
        }

        Side.Finished(await Here.Over(await Here.Begin("push", There, "many", "many"), limit: TimeSpan.FromMinutes(5)));

        Assert.Equal(messages, await There.Log("many"));
    }

    [SkippableFact]
    public async Task What_is_nowhere_or_on_the_wrong_side_cannot_be_moved()
    {
        await Here.Create("only-here");
        await There.Create("only-there");

        Assert.Equal("Both local and remote filesystems don't exist.", await Here.Refused("push", There, "none", "none"));
        Assert.Equal("Can't push when local doesn't exist", await Here.Refused("push", There, "only-there", "only-there"));
        Assert.Equal("Can't pull when remote doesn't exist", await Here.Refused("pull", There, "only-here", "only-here"));
        Assert.StartsWith("Cannot reconcile filesystems with different ids", await Here.Refused("push", There, "only-here", "only-there"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_dot_that_was_deleted_here_can_be_cloned_again()
    {
        await There.Create("again");
        await There.Commits("again", "one");
        Side.Finished(await Here.Pull(There, "again"));
        await Here.Rpc().Call("Delete", new { Namespace = "admin", Name = "again" });
        await There.Commits("again", "two");

        Side.Finished(await Here.Pull(There, "again"));

        Assert.Equal(["one", "two"], await Here.Log("again"));
        Assert.Equal("two", await Here.Read("again", "two"));
        await Here.Commits("again", "three");
        Side.Finished(await Here.Push(There, "again"));
        Assert.Equal(["one", "two", "three"], await There.Log("again"));
    }

    /// <summary>Of a push that is refused at once or fails.</summary>
    private async Task<string> Refusal(string name)
    {
        try
        {
            return Side.Failed(await Here.Push(There, name));
        }
        catch (RpcErrorException refused)
        {
            return refused.Text;
        }
    }

    private async Task Diverge(string name)
    {
        await Here.Create(name);
        await Here.Commits(name, "one");
        Side.Finished(await Here.Push(There, name));
        await Here.Commits(name, "ours");
        await There.Commits(name, "theirs");
    }
}

/// <summary>Typed by people, as the original's own tests are.</summary>
public sealed class BehaviourTransfersDirectorySpec() : BehaviourTransfersSpec(onPools: false, many: 1000)
{
    private protected override bool Typed => true;
}

public sealed class BehaviourTransfersZfsSpec() : BehaviourTransfersSpec(onPools: true, many: 200);
