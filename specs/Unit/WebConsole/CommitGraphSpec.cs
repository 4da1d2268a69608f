using Dotmesh.Client;
using Dotmesh.WebConsole.Models;
using Xunit;

namespace Dotmesh.Specs.Unit.WebConsole;

public sealed class CommitGraphSpec
{
    [Fact]
    public void A_branch_stands_below_the_commit_at_which_it_begins()
    {
        var lines = CommitGraph.Of(
        [
            Branch("master", "m", null, "1", "2", "3"),
            Branch("pears", "p", new CommitPlace("m", "2"), "4"),
            Branch("plums", "q", new CommitPlace("p", "4"), "5", "6"),
        ]);

        Assert.Equal(["0 master", "0 1", "0 2", "1 pears", "1 4", "2 plums", "2 5", "2 6", "0 3"], lines.Select(Text));
    }

    [Fact]
    public void A_line_knows_whether_it_is_the_newest_and_how_many_come_after_it()
    {
        var lines = CommitGraph.Of([Branch("master", "m", null, "1", "2", "3")]);

        Assert.Equal([(false, 0), (false, 2), (false, 1), (true, 0)], lines.Select(line => (line.IsHead, line.Later)));
    }

    [Fact]
    public void A_branch_whose_beginning_is_not_to_be_seen_stands_beside_master()
    {
        var lines = CommitGraph.Of([Branch("master", "m", null, "1"), Branch("lost", "l", new CommitPlace("gone", "x"), "2")]);

        Assert.Equal(["0 master", "0 1", "0 lost", "0 2"], lines.Select(Text));
    }

    private static BranchHistory Branch(string name, string id, CommitPlace? origin, params string[] commits) => new(
        new DotBranch { Id = id, Branch = name == DotmeshClient.MasterBranch ? "" : name },
        [.. commits.Select(commit => new Commit { Id = commit })], origin);

    private static string Text(GraphLine line) => $"{line.Depth} {line.Commit?.Id ?? line.Branch.BranchName}";
}
