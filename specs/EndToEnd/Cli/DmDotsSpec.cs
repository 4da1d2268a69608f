using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Cli;

/// <summary>The commands about dots, commits and branches, as scripts and people see them (contract 7.3, 7.4, 11.5).</summary>
[Trait("Speed", "slow")]
public sealed class DmDotsSpec : OneClusterSpec
{
    private const string CurrentRemote = "Current remote: local (use 'dm remote -v' to list and 'dm remote switch' to switch)\n\n";

    [Fact]
    [Trait("Behaviour", "16")]
    [Trait("Behaviour", "17")]
    [Trait("Behaviour", "87")]
    public async Task Behaviours_16_17_a_dot_is_made_once_listed_and_current()
    {
        Assert.Equal(CurrentRemote.TrimEnd() + "\n\n  DOT  BRANCH  SERVER  CONTAINERS  SIZE  COMMITS  DIRTY", await Dm.Says("list"));

        Assert.Equal("", await Dm.Says("init", "apples"));

        Assert.StartsWith("Error: apples exists already", await Dm.Fails(5, "init", "apples"), StringComparison.Ordinal);
        Assert.Equal(
            CurrentRemote + "  DOT     BRANCH  SERVER            CONTAINERS  SIZE  COMMITS  DIRTY\n"
            + "* apples  master  <node>              -     1        -",
            WithNode(await Dm.Says("ls")));
        Assert.Equal("apples\tmaster\t<node>\t\t0\t1\t0\t", WithNode(await Dm.Says("list", "-H")));
        Assert.Equal("apples", await Dm.Says("list", "-o", "name"));
        var only = Assert.Single((JsonArray)JsonNode.Parse(await Dm.Says("list", "-o", "json"))!)!;
        Assert.Equal(("admin/apples", true, 1), ((string?)only["name"], (bool)only["current"]!, (int)only["commits"]!));
        Assert.Equal((string?)only["id"], (string?)JsonNode.Parse(await Dm.Says("list", "-o", "jsonl"))!["id"]);

        Assert.StartsWith("Error: invalid dot name, should match pattern", await Dm.Fails(2, "init", "@"), StringComparison.Ordinal);
        Assert.Equal("No dot name specified.", await Dm.Fails(2, "init"));
        Assert.Equal("Too many arguments specified (more than 1).", await Dm.Fails(2, "init", "a", "b"));
        Assert.Contains("dot names must be <50 characters", await Dm.Fails(2, "init", new string('x', 51)), StringComparison.Ordinal);
        Assert.Equal("Error: appels doesn't exist\nDid you mean apples? ('dm list' lists them.)", await Dm.Fails(3, "switch", "appels"));
    }

    [Fact]
    [Trait("Behaviour", "2")]
    [Trait("Behaviour", "4")]
    public async Task Behaviours_2_4_the_only_dot_becomes_current_by_itself_and_of_two_one_has_to_be_chosen()
    {
        await Cluster.Rpc().Call("Create", new { Namespace = "admin", Name = "one" });
        Assert.Matches("^[0-9a-f-]{36}$", await Dm.Says("commit", "-m", "by itself"));
        Assert.Equal("one", CurrentVolume);

        await Dm.Says("init", "two");
        await Dm.Says("dot", "delete", "-f", "two");
        Assert.Equal("", CurrentVolume);
        await Dm.Says("init", "two");
        await File.WriteAllTextAsync(Dm.Config, (await File.ReadAllTextAsync(Dm.Config)).Replace("\"CurrentVolume\":\"two\"", "\"CurrentVolume\":\"\"", StringComparison.Ordinal));

        Assert.Equal(
            "No current dot is selected. List them with 'dm list' and select one with 'dm switch'.", await Dm.Fails(1, "commit", "-m", "which?"));
    }

    [Fact]
    [Trait("Behaviour", "20")]
    [Trait("Behaviour", "21")]
    [Trait("Behaviour", "45")]
    [Trait("Behaviour", "46")]
    [Trait("Behaviour", "47")]
    [Trait("Behaviour", "48")]
    public async Task Behaviours_20_21_45_to_48_commits_are_logged_with_their_metadata()
    {
        await Dm.Says("init", "apples");
        Assert.Equal("WEIRDCOMMIT", await Dm.Says("commit", "-m", "a weird one", "-d", "#commit-id=WEIRDCOMMIT"));
        await Dm.Says("commit", "--message", "with metadata", "--metadata", "apples=green,sort=a=b", "--metadata", "empty=");
        await Dm.Says("commit", "-m", "much", "-d", $"much={new string('m', 2000)}");

        Assert.Equal(
            $"""
            commit <id1>
            author: admin
            date: <time1>
            type: dotmesh.initial

                Initial commit

            commit WEIRDCOMMIT
            author: admin
            date: <time2>

                a weird one

            commit <id2>
            author: admin
            date: <time3>
            apples: green
            empty: 
            sort: a=b

                with metadata

            commit <id3>
            author: admin
            date: <time4>
            much: {new string('m', 2000)}

                much
            """,
            Support.Dm.Golden(await Dm.Says("log")));
        Assert.Equal("WEIRDCOMMIT", (await Dm.Says("log", "-o", "name")).Split('\n')[1]);
        Assert.DoesNotContain("weird", await Dm.Says("log", "-n", "1"), StringComparison.Ordinal);

        Assert.Equal("Please provide a commit message", await Dm.Fails(2, "commit"));
        Assert.Equal("Each metadata value must be a name=value pair: Applesgreen", await Dm.Fails(2, "commit", "-m", "x", "-d", "Applesgreen"));
        Assert.Equal(
            "Metadata field names must start with lowercase characters: Apples", await Dm.Fails(2, "commit", "-m", "x", "-d", "Apples=green"));
        Assert.Equal("--durability is local or replicated, not twice.", await Dm.Fails(2, "commit", "-m", "x", "--durability", "twice"));
        Assert.Equal(4, (await Dm.Says("log", "-o", "name")).Split('\n').Length);
    }

    [Fact]
    [Trait("Behaviour", "22")]
    [Trait("Behaviour", "24")]
    public async Task Behaviours_22_24_branches_are_made_listed_shown_and_worked_with()
    {
        await Dm.Says("init", "apples");
        await Dm.Says("commit", "-m", "on master");
        Assert.Equal("* master", await Dm.Says("branch"));

        await Dm.Says("checkout", "-b", "branch1");
        await Dm.Says("commit", "-m", "on the branch");

        Assert.Equal("* branch1\n  master", await Dm.Says("branch"));
        Assert.Equal("branch1\nmaster", await Dm.Says("branch", "-o", "name"));
        Assert.Contains("    on the branch", await Dm.Says("log"), StringComparison.Ordinal);
        Assert.DoesNotContain("on the branch", await Dm.Says("log", "master"), StringComparison.Ordinal);
        Assert.Equal("branch1", (await Dm.Says("list", "-H")).Split('\t')[1]);
        Assert.Equal(
            """
            Dot admin/apples:
            Master branch ID: <id1>
            Dot is currently selected.
            Commits: 2
            Dot size: - (all clean)
            Branches:
              master (<id1>)
               Replication Status:
                server <node1> [MASTER] (status: waiting, 2 commits) is up to date
            * branch1 (<id2>)
               Replication Status:
                server <node1> [MASTER] (status: waiting, 1 commits) is up to date
            """,
            Support.Dm.Golden(await Dm.Says("dot", "show")));
        Assert.Equal(
            "namespace\tadmin\nname\tapples\nmasterBranchId\t<id1>\nselected\ncommitCount\t2\nsize\t0\ndirty\t0\ncurrentBranch\tbranch1\n"
            + "branch\t<id1>\tmaster\nlatency\t<node1>\tmaster\twaiting, 2 commits\nbranch\t<id2>\tbranch1\nlatency\t<node1>\tmaster\twaiting, 1 commits",
            Support.Dm.Golden(await Dm.Says("dot", "show", "-H", "apples")));
        var tree = System.Text.RegularExpressions.Regex.Replace(
            Support.Dm.Golden(await Dm.Says("log", "--graph")), "[0-9a-f]{8}  [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}", "<commit>");
        Assert.Equal(
            """
            master  2 commits, 0 B
            ├─ <commit>  admin  Initial commit
            └─ <commit>  admin  on master
               └─ * branch1  1 commit, 0 B
                  └─ <commit>  admin  on the branch
            """,
            tree);

        Assert.Equal("Branch already exists: branch1\n'dm checkout branch1' works with it.", await Dm.Fails(5, "checkout", "-b", "branch1"));
        Assert.StartsWith("Branch does not exist: branhc1\nDid you mean branch1?", await Dm.Fails(3, "checkout", "branhc1"), StringComparison.Ordinal);
        Assert.Equal("Please give me a branch name.", await Dm.Fails(2, "checkout"));
        await Dm.Says("checkout", "master");
        Assert.Equal("  branch1\n* master", await Dm.Says("branch"));
        await Dm.Says("checkout", "-b", "early", "HEAD^");
        Assert.Equal("early", (await Dm.Says("status", "-o", "json")) is var status ? (string?)JsonNode.Parse(status)!["branch"] : null);
    }

    [Fact]
    [Trait("Behaviour", "25")]
    public async Task Behaviour_25_a_reset_takes_a_commit_and_its_file_away_whatever_names_the_commit()
    {
        await Dm.Says("init", "apples");
        var place = Path.Combine(Folder, "apples");
        await Dm.Says("mount", "apples", place);
        var ids = new List<string>();
        foreach (var name in (string[])["one", "two", "three", "four"])
        {
            await File.WriteAllTextAsync(Path.Combine(place, name), name);
            ids.Add(await Dm.Says("commit", "-m", name));
        }

        await Dm.Says("reset", "--hard", "HEAD^");
        Assert.Equal("one three two", Files());
        await Dm.Says("reset", "HEAD~1");
        Assert.Equal("one two", Files());
        await File.WriteAllTextAsync(Path.Combine(place, "dirty"), "not committed");
        await Dm.Says("reset", ids[0][..8]);
        Assert.Equal("one", Files());
        Assert.Equal(ids[0], (await Dm.Says("log", "-o", "name")).Split('\n')[^1]);

        Assert.Equal("Please specify one ref only.", await Dm.Fails(2, "reset"));
        Assert.StartsWith("Commits don't go back that far", await Dm.Fails(3, "reset", "HEAD^^^^^"), StringComparison.Ordinal);
        Assert.NotEmpty(await Dm.Fails(3, "reset", ids[3]));

        string Files() => string.Join(' ', Directory.GetFiles(place).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("Behaviour", "40")]
    [Trait("Behaviour", "41")]
    [Trait("Behaviour", "42")]
    public async Task Behaviours_40_to_42_a_dot_is_mounted_at_a_path_that_is_free()
    {
        var place = Path.Combine(Folder, "mounted");
        Assert.Equal(
            "Dot apples does not exist.\n\nIf you want to create it - use the '--create' flag", await Dm.Fails(3, "mount", "apples", place));

        var said = await Dm.Says("mount", "--create", "apples", place);
        Assert.Matches($"^procured dot: admin/apples into (.+)\nsymlinked dot: admin/apples from \\1 to {place}$", said);
        await File.WriteAllTextAsync(Path.Combine(place, "one"), "one");
        Assert.Equal("one", await Cluster.Read("apples", "one"));
        await Dm.Says("mount", "apples", place);
        Assert.Equal("one", await File.ReadAllTextAsync(Path.Combine(place, "one")));

        // the path shows what is worked on
        await Dm.Says("commit", "-m", "one");
        await Dm.Says("checkout", "-b", "other");
        await File.WriteAllTextAsync(Path.Combine(place, "two"), "two");
        await Dm.Says("checkout", "master");
        Assert.False(File.Exists(Path.Combine(place, "two")));
        await Dm.Says("checkout", "other");
        Assert.Equal("two", await File.ReadAllTextAsync(Path.Combine(place, "two")));

        var taken = Path.Combine(Folder, "taken");
        await File.WriteAllTextAsync(taken, "mine");
        Assert.StartsWith($"{taken} exists already, and is no link.", await Dm.Fails(5, "mount", "apples", taken), StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(taken));
    }

    [Fact]
    [Trait("Behaviour", "3")]
    [Trait("Behaviour", "52")]
    public async Task Behaviours_3_52_a_dot_is_deleted_when_that_is_confirmed_and_is_current_no_more()
    {
        await Dm.Says("init", "apples");

        Assert.EndsWith("Aborted.", await Dm.Fails(1, "dot", "delete", "apples"), StringComparison.Ordinal);
        Assert.Equal("This asks before it does it: repeat it with --yes.", await Dm.Fails(2, "dot", "delete", "apples", "--no-input"));
        Assert.Equal("apples", await Dm.Says("list", "-o", "name"));
        await Dm.Says("dot", "delete", "apples", "--yes");

        Assert.Equal("", await Dm.Says("list", "-o", "name"));
        Assert.Equal("", CurrentVolume);
        Assert.Contains("No such filesystem", await Dm.Fails(3, "dot", "delete", "-f", "apples"), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Behaviour", "11")]
    [Trait("Behaviour", "63")]
    public async Task Behaviours_11_63_scripts_find_the_master_branch_and_who_has_it()
    {
        await Dm.Says("init", "apples");
        var lines = (await Dm.Says("dot", "show", "-H")).Split('\n').Select(line => line.Split('\t')).ToList();
        Assert.Equal(await Cluster.IdOf("apples"), lines.Single(line => line[0] == "masterBranchId")[1]);
        Assert.Equal("master", lines.Single(line => line[0] == "latency")[2]);
    }

    private string CurrentVolume => (string)JsonNode.Parse(File.ReadAllText(Dm.Config))!["Remotes"]!["local"]!["CurrentVolume"]!;
}
