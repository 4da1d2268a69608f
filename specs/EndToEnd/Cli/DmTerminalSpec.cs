using Dotmesh.Specs.EndToEnd.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Cli;

/// <summary>The command line on a terminal: prompts, colours, a progress bar, Ctrl-C, and what a shell completes.</summary>
[Trait("Speed", "slow")]
public sealed class DmTerminalSpec() : TwoNodesSpec(onPools: false)
{
    private const string CtrlC = "\u0003";

    private Support.Dm Dm => Support.Dm.Of(Here.Nodes[0]);

    [Fact]
    public async Task A_secret_is_asked_for_and_not_shown()
    {
        var key = NodeProcess.ReadKey(There.Nodes[0].Setup);
        await using var terminal = PseudoTerminal.Start(Dm.Line("remote", "add", "second", $"admin@127.0.0.1:{There.Nodes[0].Setup.ClientPort}"));

        await terminal.Shows("API key: ");
        await terminal.Type(key + "\r");

        Assert.Equal(0, await terminal.Ended());
        Assert.Contains("Remote added.", terminal.Screen, StringComparison.Ordinal);
        Assert.DoesNotContain(key, terminal.Screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_would_be_lost_is_asked_about_and_the_current_branch_is_in_colour()
    {
        await Dm.Says("init", "apples");
        await Here.Commits("apples", "one");
        await Here.Commits("apples", "two");

        await using (var refused = PseudoTerminal.Start(Dm.Line("reset", "HEAD^")))
        {
            await refused.Shows("1 later commit will be gone. Go on?");
            await refused.Type("n\r");
            Assert.Equal(1, await refused.Ended());
            Assert.Contains("Aborted.", refused.Screen, StringComparison.Ordinal);
        }

        Assert.Equal(["one", "two"], await Here.Log("apples"));
        await using (var confirmed = PseudoTerminal.Start(Dm.Line("reset", "HEAD^")))
        {
            await confirmed.Shows("Go on?");
            await confirmed.Type("y\r");
            Assert.Equal(0, await confirmed.Ended());
        }

        Assert.Equal(["one"], await Here.Log("apples"));
        await using (var interrupted = PseudoTerminal.Start(Dm.Line("reset", "HEAD^")))
        {
            await interrupted.Shows("Go on?");
            await interrupted.Type(CtrlC);
            Assert.Equal(8, await interrupted.Ended());
            Assert.Contains("Interrupted.", interrupted.Screen, StringComparison.Ordinal);
        }

        await using var coloured = PseudoTerminal.Start(Dm.Line("branch"));
        Assert.Equal(0, await coloured.Ended());
        Assert.Contains("\e[32m* master\e[0m", coloured.Screen, StringComparison.Ordinal);
        await using var plain = PseudoTerminal.Start(["env", "NO_COLOR=1", .. Dm.Line("branch")]);
        Assert.Equal(0, await plain.Ended());
        Assert.DoesNotMatch("\e\\[[0-9;]*m", plain.Screen);
    }

    [Fact]
    public async Task A_push_shows_a_bar_and_goes_on_when_it_is_interrupted()
    {
        await Dm.Add("second", There.Nodes[0]);
        await Dm.Says("init", "apples");
        await Here.Write("apples", "big", new string('b', 6_000_000));
        await Here.Commit("apples", "big");
        await using var terminal = PseudoTerminal.Start(Dm.Line("push", "second", "--limit", "1"));

        await terminal.Shows("pushing 1/1");
        await terminal.Type(CtrlC);

        Assert.Equal(8, await terminal.Ended());
        Assert.Contains("Interrupted here; the transfer goes on on the cluster.", terminal.Screen, StringComparison.Ordinal);
        Assert.Matches("Watch it: dm transfers watch [0-9a-f-]{36}", terminal.Screen);
        var id = await Dm.Says("transfers", "ls", "-o", "name");
        await using var again = PseudoTerminal.Start(Dm.Line("transfers", "watch", id));
        Assert.Equal(0, await again.Ended());
        Assert.Contains("100%", again.Screen, StringComparison.Ordinal);
        Assert.Contains("Done!", again.Screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shell_completes_commands_options_and_names()
    {
        await Dm.Says("init", "apples");
        await Dm.Says("init", "apricots");
        await Dm.Says("commit", "-m", "one");
        await Dm.Says("checkout", "-b", "pears");
        await Dm.Add("second", There.Nodes[0]);
        var home = Path.GetDirectoryName(Path.GetDirectoryName(Dm.Config))!;

        async Task<string> Complete(params string[] words)
        {
            string[] line = [.. Support.Dm.Program, "__complete", .. words];
            var result = await ChildProcess.Run(line[0], line.Skip(1), new Dictionary<string, string?> { ["HOME"] = home });
            Assert.True(result.ExitCode == 0, result.ToString());
            return result.Output.Replace('\n', ' ');
        }

        Assert.Equal("checkout clone cluster commit completion", await Complete("c"));
        Assert.Equal("apples apricots", await Complete("switch", "ap"));
        Assert.Equal("master pears", await Complete("checkout", ""));
        Assert.Equal("second", await Complete("push", "s"));
        Assert.Equal("apricots", await Complete("push", "second", "apr"));
        Assert.Equal("HEAD HEAD^", await Complete("reset", "HEA"));
        Assert.Equal("--message --metadata", await Complete("commit", "--me"));
        Assert.Equal("json jsonl", await Complete("list", "-o", "js"));
        Assert.Equal("json jsonl", await Complete("list", "--output", "=", "js"));
        Assert.Equal("dot", await Complete("help", "do"));
        Assert.Equal("show", await Complete("help", "dot", "sh"));
        Assert.Equal("", await Complete("-c", Path.Combine(home, "none"), "switch", ""));
        Assert.Equal("show", await Complete("dot", "sh"));
        Assert.Equal("", await Complete("zebra", "x"));

        foreach (var shell in (string[])["bash", "zsh", "fish"])
        {
            Assert.Contains("dm __complete", await Dm.Says("completion", shell), StringComparison.Ordinal);
        }

        var bash = await ChildProcess.Run(
            "bash",
            ["-c", $$"""{{Support.Dm.ShellFunction}}; eval "$(dm completion bash)"; COMP_WORDS=(dm switch apr); COMP_CWORD=2; _dm; echo "${COMPREPLY[@]}" """],
            new Dictionary<string, string?> { ["HOME"] = home });
        Assert.Equal("apricots", bash.Output.Trim());
    }

    [SkippableTheory]
    [InlineData("fish", "dm completion fish | source; complete -C 'dm switch apr'", "apricots")]
    [InlineData("zsh", Zsh, "dm switch apricots")]
    public async Task Other_shells_complete_too(string shell, string line, string said)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        Skip.IfNot(folders.Any(folder => File.Exists(Path.Combine(folder, shell))), $"{shell} is not installed");
        await Dm.Says("init", "apricots");
        var home = Path.GetDirectoryName(Path.GetDirectoryName(Dm.Config))!;
        var bin = Directory.CreateDirectory(Path.Combine(home, "bin")).FullName;
        var program = string.Join(' ', Support.Dm.Program.Select(word => $"'{word}'"));
        await File.WriteAllTextAsync(Path.Combine(bin, "dm"), $"#!/bin/sh\nexec {program} \"$@\"\n");
        File.SetUnixFileMode(Path.Combine(bin, "dm"), UnixFileMode.UserRead | UnixFileMode.UserExecute);

        // a shell is not kept waiting: on a machine that is busy elsewhere it may be told nothing, once
        var completed = "";
        await Patience.Holds(
            async () =>
            {
                completed = (await ChildProcess.Run(
                    shell, ["-c", line], new Dictionary<string, string?> { ["HOME"] = home, ["PATH"] = $"{bin}:{string.Join(':', folders)}" })).ToString();
                return completed.Contains(said, StringComparison.Ordinal) ? this : null;
            },
            TimeSpan.FromSeconds(90),
            () => completed);
    }

    [Fact]
    public async Task A_long_log_goes_to_the_pager_and_a_short_one_or_one_that_is_not_for_a_terminal_does_not()
    {
        await Dm.Says("init", "apples");
        await Here.Commits("apples", "one");
        await using (var brief = PseudoTerminal.Start(["env", "DM_PAGER=sed s/^/paged:/", .. Dm.Line("log")]))
        {
            Assert.Equal(0, await brief.Ended());
            Assert.Contains("    one", brief.Screen, StringComparison.Ordinal);
            Assert.DoesNotContain("paged:commit", brief.Screen, StringComparison.Ordinal);
        }

        foreach (var message in Enumerable.Range(1, 12).Select(n => $"commit number {n}"))
        {
            await Here.Commit("apples", message);
        }

        await using (var paged = PseudoTerminal.Start(["env", "DM_PAGER=sed s/^/paged:/", .. Dm.Line("log")]))
        {
            Assert.Equal(0, await paged.Ended());
            Assert.Contains("paged:    commit number 12", paged.Screen, StringComparison.Ordinal);
        }

        await using (var left = PseudoTerminal.Start(["env", "DM_PAGER=head -n 1", .. Dm.Line("log")]))
        {
            Assert.Equal(0, await left.Ended());
            Assert.DoesNotContain("commit number 12", left.Screen, StringComparison.Ordinal);
        }

        await using (var without = PseudoTerminal.Start(["env", "DM_PAGER=no-such-program", .. Dm.Line("log")]))
        {
            Assert.Equal(0, await without.Ended());
            Assert.Contains("    commit number 12", without.Screen, StringComparison.Ordinal);
        }

        var piped = await Dm.RunWith([("DM_PAGER", "sed s/^/paged:/")], "log");
        Assert.DoesNotContain("paged:", piped.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("    later", "log")]
    [InlineData("Commits: 3", "dot", "show")]
    [InlineData("  pears", "branch")]
    public async Task What_is_watched_shows_again_when_it_changes_until_the_user_leaves(string change, params string[] command)
    {
        await Dm.Says("init", "apples");
        await Here.Commits("apples", "one");
        await using var watching = PseudoTerminal.Start(Dm.Line([.. command, "--watch"]));
        await watching.Shows(command is ["branch"] ? "* master" : command is ["log"] ? "    one" : "Commits: 2");

        await Here.Branch("apples", "master", "pears", (await Here.Ids("apples"))[^1]);
        await Here.Commits("apples", "later");

        await watching.Shows(change);
        await watching.Type(CtrlC);
        Assert.Equal(0, await watching.Ended());
    }

    /// <summary>A zsh that runs another one on a terminal of its own, where TAB is pressed.</summary>
    private const string Zsh = """
        zmodload zsh/zpty
        zpty inner 'PS1="ready> " TERM=dumb zsh -f -i'
        zpty -w inner 'autoload -U compinit; compinit -u -D; eval "$(dm completion zsh)"; echo loa''ded'
        zpty -r -m inner said '*loaded*'
        zpty -w -n inner $'dm switch apr\t'
        zpty -r -m inner said '*switch apricots*'
        print -r -- "$said"
        zpty -d inner
        """;
}
