using System.Collections.Immutable;
using System.Diagnostics;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Which commits a push or pull moves (contract 5.5.1, 6.3). Histories are words of one letter a commit, oldest first.</summary>
public sealed class CommitComparisonSpec
{
    private static readonly FilesystemId Filesystem = new("61f356f0-39a4-4e0e-6286-e04d25744344");

    [Theory]
    [InlineData("", "", "no snapshots in source")]
    [InlineData("", "ab", "no snapshots in source")]
    [InlineData("abc", "", "toSnaps is empty, sending everything up to c")]
    [InlineData("abc", "xy", "no common snapshots from [a b c] to [x y]")]
    [InlineData("abc", "abc", "toSnaps is up-to-date")]
    [InlineData("bc", "abc", "toSnaps is up-to-date")]
    [InlineData("abc", "a", "toSnaps is behind, sending from a to c")]
    [InlineData("abc", "xb", "toSnaps is behind, sending from b to c")]
    [InlineData("ab", "abcd", "toSnaps is ahead")]
    [InlineData("abc", "abx", "toSnaps diverged (latest common snapshot={Id:b Metadata:map[author:admin message:commit b]})")]
    [InlineData("abcde", "axdy", "toSnaps diverged (latest common snapshot={Id:d Metadata:map[author:admin message:commit d]})")]
    public void Two_histories_are_told_apart_by_their_latest_common_commit(string source, string target, string text) =>
        Assert.Equal(text, CommitComparison.Of(History(source), History(target)).Text);

    [Fact]
    public void What_has_to_be_sent_is_named()
    {
        Assert.Equal(new CommitComparison.SendAll(new CommitId("c")), CommitComparison.Of(History("abc"), []));
        Assert.Equal(
            new CommitComparison.FastForward(new CommitId("a"), new CommitId("c")), CommitComparison.Of(History("abc"), History("a")));
    }

    [Fact]
    public void Metadata_is_printed_sorted_by_key_and_unquoted()
    {
        var commit = new CommitProperties(new CommitId("x"), new CommitMetadata([new("b", "2 3"), new("a", "1"), new("empty", "")]));
        Assert.Equal("{Id:x Metadata:map[a:1 b:2 3 empty:]}", commit.ToString());
        Assert.Equal("{Id:x Metadata:map[]}", (commit with { Metadata = CommitMetadata.Empty }).ToString());
    }

    [Fact]
    public void A_long_history_without_anything_in_common_is_shown_by_its_newest_commits() =>
        Assert.Equal(
            "no common snapshots from [... c d e f g h i j k l] to [0 1]",
            CommitComparison.Of(History("abcdefghijkl"), History("01")).Text);

    [Fact]
    public void A_hundred_thousand_commits_cost_one_pass()
    {
        var source = Many("s");
        var began = Stopwatch.StartNew();
        Assert.IsType<CommitComparison.NoCommon>(CommitComparison.Of(source, Many("t")));
        Assert.IsType<CommitComparison.Ahead>(CommitComparison.Of(source, source.AddRange(Many("t"))));

        // a comparison of each with each takes minutes
        Assert.InRange(began.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData("abc", "b", "ab")]
    [InlineData("abc", "c", "abc")]
    [InlineData("abc", null, "abc")]
    public void A_source_is_cut_where_the_next_filesystem_starts(string source, string? upTo, string left) =>
        Assert.Equal(
            History(left),
            CommitComparison.Cut(Filesystem, History(source), upTo is null ? null : new CommitId(upTo)).Value.AsEnumerable());

    [Fact]
    public void A_cut_at_a_commit_that_is_not_there_is_refused_with_its_name()
    {
        var cut = CommitComparison.Cut(Filesystem, History("abc"), new CommitId("x"));
        Assert.Equal($"No such commit x in {Filesystem}. Its commits are listed by Commits.", cut.Refusal!.Message);
    }

    private static ImmutableArray<CommitProperties> Many(string prefix) =>
        [.. Enumerable.Range(0, 100_000).Select(n => new CommitProperties(new CommitId($"{prefix}{n}"), CommitMetadata.Empty))];

    private static ImmutableArray<CommitProperties> History(string commits) =>
    [
        .. commits.Select(letter => new CommitProperties(
            new CommitId($"{letter}"), new CommitMetadata([new("message", $"commit {letter}"), new("author", "admin")]))),
    ];
}
