using Dotmesh.Cli.Help;
using Dotmesh.Cli.Naming;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;
using Xunit;

namespace Dotmesh.Specs.Unit.Cli;

/// <summary>What is typed, and what is said of it.</summary>
public sealed class DmNamesSpec
{
    private static readonly Commit[] Commits =
        [new() { Id = "aaaa1111" }, new() { Id = "bbbb2222" }, new() { Id = "bbbb3333" }, new() { Id = "HEADLINE" }];

    [Theory]
    [InlineData("HEAD", "HEADLINE")]
    [InlineData("HEAD^", "bbbb3333")]
    [InlineData("HEAD^^", "bbbb2222")]
    [InlineData("HEAD~3", "aaaa1111")]
    [InlineData("HEAD^~1", "bbbb2222")]
    [InlineData("aaaa", "aaaa1111")]
    [InlineData("bbbb2222", "bbbb2222")]
    [InlineData("HEADL", "HEADLINE")]
    [InlineData("aaa", "aaa")]
    [InlineData("of-nobody", "of-nobody")]
    public void A_commit_is_named_from_the_newest_one_by_its_id_or_by_the_beginning_of_one(string typed, string id) =>
        Assert.Equal(id, CommitReference.Resolve(typed, Commits));

    [Theory]
    [InlineData("HEAD~4", "Commits don't go back that far", 3)]
    [InlineData("HEAD~99999999999", "Commits don't go back that far", 3)]
    [InlineData("bbbb", "bbbb begins 2 commits: bbbb2222, bbbb3333", 2)]
    public void What_names_no_commit_or_several_is_refused(string typed, string text, int exitCode)
    {
        var failure = Assert.Throws<CommandFailure>(() => CommitReference.Resolve(typed, Commits));
        Assert.Equal((text, exitCode), (failure.Message, failure.ExitCode));
        Assert.Equal("No commits match HEAD", Assert.Throws<CommandFailure>(() => CommitReference.Resolve("HEAD", [])).Message);
    }

    [Theory]
    [InlineData("admin@host", "admin", "host", 0)]
    [InlineData("admin@host:6969", "admin", "host", 6969)]
    [InlineData("a@b.example@10.0.0.1:1", "a@b.example", "10.0.0.1", 1)]
    [InlineData("admin@[::1]:6969", "admin", "::1", 6969)]
    [InlineData("admin@::1", "admin", "::1", 0)]
    public void A_remote_is_a_user_a_host_and_perhaps_a_port(string typed, string user, string host, int port) =>
        Assert.Equal(new Remote(user, host, port, "k"), Remote.Parse(typed, "k"));

    [Theory]
    [InlineData("host")]
    [InlineData("@host")]
    [InlineData("admin@")]
    [InlineData("admin@host:0")]
    [InlineData("admin@host:x")]
    [InlineData("admin@host:70000")]
    [InlineData("admin@:80")]
    public void What_is_no_remote_is_none(string typed) => Assert.Null(Remote.Parse(typed, "k"));

    [Fact]
    public void A_remote_without_a_port_is_looked_for_at_those_that_servers_use()
    {
        Assert.Equal(
            ["https://host/", "http://host/", "http://host:32607/", "http://host:6969/"],
            new Remote("u", "host", 0, "k").Candidates.Select(candidate => candidate.AbsoluteUri));
        Assert.Equal(["http://[::1]:7/"], new Remote("u", "::1", 7, "k").Candidates.Select(candidate => candidate.AbsoluteUri));
        Assert.DoesNotContain("secret", new Remote("u", "host", 7, "secret").ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("comit", "commit")]
    [InlineData("ocmmit", "commit")]
    [InlineData("APPLES", "apples")]
    [InlineData("zebra", "")]
    public void A_slip_is_guessed(string typed, string meant) =>
        Assert.Equal(meant, string.Join(',', Nearest.To(typed, ["commit", "apples", "checkout"])));

    [Theory]
    [InlineData("30s", 30)]
    [InlineData("5m", 300)]
    [InlineData("1.5h", 5400)]
    [InlineData("7", 7)]
    public void A_time_is_a_number_and_a_unit(string typed, int seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), Globals.Duration(typed));

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("-3s")]
    [InlineData("0")]
    [InlineData("5 minutes")]
    [InlineData("1hm")]
    public void What_is_no_time_is_none(string typed) => Assert.Null(Globals.Duration(typed));

    [Theory]
    [InlineData(0, "-")]
    [InlineData(1, "0.00 kiB")]
    [InlineData(19456, "19.00 kiB")]
    [InlineData(1048576, "1.00 MiB")]
    [InlineData(1610612736, "1.50 GiB")]
    public void Sizes_are_written_as_the_original_does(long bytes, string text) => Assert.Equal(text, Sizes.Text(bytes));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.00 kiB")]
    public void Little_is_written_exactly_where_the_original_has_no_say(long bytes, string text) => Assert.Equal(text, Sizes.Exact(bytes));

    [Fact]
    public void Every_command_has_help_with_examples_where_it_takes_words_and_a_manual_page()
    {
        var root = Root.Make();
        var verbs = ManPage.Verbs(root).ToList();
        Assert.True(verbs.Count > 35);
        Assert.All(verbs, verb =>
        {
            Assert.EndsWith(".", verb.Description, StringComparison.Ordinal);
            Assert.Contains(HelpText.UsageOf(verb), HelpText.Of(verb), StringComparison.Ordinal);
            Assert.All(verb.Examples, example => Assert.Contains("dm ", example.Line, StringComparison.Ordinal));
        });
        Assert.All(
            root.Subcommands.Where(child => !child.Hidden),
            child => Assert.Contains(Root.Groups, group => group.Names.Contains(child.Name)));

        var pages = ManPage.All(root, "1.2.3").ToDictionary(page => page.Name, page => page.Text);
        Assert.Equal(verbs.Count + 1, pages.Count);
        Assert.StartsWith(".TH DM-DOT-SHOW 1 \"\" \"dm 1.2.3\"", pages["dm-dot-show.1"], StringComparison.Ordinal);
        Assert.Contains("dm\\-dot\\-show \\- Show a dot", pages["dm-dot-show.1"], StringComparison.Ordinal);
        Assert.All(pages.Values, page => Assert.DoesNotContain("\n\n", page, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("conflict", "x", FailureKind.Conflict)]
    [InlineData("denied", "x", FailureKind.Denied)]
    [InlineData("storage", "x", FailureKind.Failed)]
    [InlineData(null, "No such filesystem named 'a/b'", FailureKind.NotFound)]
    [InlineData(null, "You are not the owner of volume a/b", FailureKind.Denied)]
    [InlineData(null, "toSnaps diverged", FailureKind.Conflict)]
    [InlineData(null, "invalid dot name, should match pattern: x", FailureKind.Invalid)]
    [InlineData(null, "something else", FailureKind.Failed)]
    public void Failures_are_told_apart_by_the_servers_code_and_by_an_originals_text(string? code, string message, FailureKind kind) =>
        Assert.Equal(kind, DotmeshException.KindOf(code, message));
}
