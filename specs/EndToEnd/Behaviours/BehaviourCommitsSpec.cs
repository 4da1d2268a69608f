using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

public abstract class BehaviourCommitsSpec(BehaviourNode node)
{
    private readonly RpcUser _admin = node.Admin;

    [SkippableFact]
    [Trait("Behaviour", "20")]
    public async Task Behaviour_20_the_message_of_a_commit_is_in_the_log()
    {
        await _admin.Init("admin/logged");
        await _admin.Commit("admin/logged", "hello");

        var commit = (await _admin.Commits("admin/logged"))[^1];
        Assert.Equal(("hello", "admin"), (RpcUser.Metadata(commit, "message"), RpcUser.Metadata(commit, "author")));
    }

    [SkippableFact]
    [Trait("Behaviour", "21")]
    public async Task Behaviour_21_the_committer_can_choose_the_commits_id()
    {
        await _admin.Init("admin/weird");
        var metadata = new Dictionary<string, string> { ["#commit-id"] = "WEIRDCOMMIT" };

        Assert.Equal("WEIRDCOMMIT", await _admin.Commit("admin/weird", "hello", metadata: metadata));

        var commit = (await _admin.Commits("admin/weird"))[^1];
        Assert.Equal("WEIRDCOMMIT", commit.GetProperty("Id").GetString());
        Assert.False(commit.GetProperty("Metadata").TryGetProperty("#commit-id", out _));
    }

    [SkippableFact]
    [Trait("Behaviour", "25")]
    public async Task Behaviour_25_after_a_reset_the_later_message_and_the_later_file_are_gone()
    {
        await _admin.Init("admin/reset");
        var path = await _admin.Procure("admin/reset");
        await File.WriteAllTextAsync(Path.Combine(path, "X"), "x");
        var first = await _admin.Commit("admin/reset", "hello");
        await File.WriteAllTextAsync(Path.Combine(path, "Y"), "y");
        await _admin.Commit("admin/reset", "again");

        await _admin.Rollback("admin/reset", first);

        Assert.Equal(["Initial commit", "hello"], await _admin.Log("admin/reset"));
        Assert.Equal(["X"], Directory.GetFiles(path).Select(Path.GetFileName));
    }

    [SkippableFact]
    [Trait("Behaviour", "43")]
    public async Task Behaviour_43_after_two_commits_there_are_exactly_three_the_initial_one_first()
    {
        await _admin.Init("admin/three");
        await _admin.Commit("admin/three", "first");
        await _admin.Commit("admin/three", "second");

        // params without Branch, as the test of the original sends them
        var commits = await _admin.Result("Commits", RpcUser.Dot("admin/three"));
        Assert.Equal(
            ["Initial commit", "first", "second"],
            commits.EnumerateArray().Select(commit => RpcUser.Metadata(commit, "message")));
        Assert.Equal("dotmesh.initial", RpcUser.Metadata(commits[0], "type"));
        Assert.Equal(3, (await _admin.Listed("admin/three"))?.GetProperty("CommitCount").GetInt32());
    }

    [SkippableFact]
    [Trait("Behaviour", "45")]
    public async Task Behaviour_45_metadata_of_a_commit_is_in_the_log_empty_values_too()
    {
        await _admin.Init("admin/metadata");
        await _admin.Commit("admin/metadata", metadata: new { apples = "green", empty = "" });

        var commit = (await _admin.Commits("admin/metadata"))[^1];
        Assert.Equal(("green", ""), (RpcUser.Metadata(commit, "apples"), RpcUser.Metadata(commit, "empty")));
        Assert.Matches("^[0-9]{19}$", RpcUser.Metadata(commit, "timestamp"));
    }

    [SkippableFact]
    public async Task The_sizes_of_commits_are_those_of_all_files_oldest_first()
    {
        await _admin.Init("admin/sized");
        var path = await _admin.Procure("admin/sized");
        await File.WriteAllBytesAsync(Path.Combine(path, "X"), Noise(256 << 10));
        var first = await _admin.Commit("admin/sized");
        await File.WriteAllBytesAsync(Path.Combine(path, "Y"), Noise(1 << 20));
        var second = await _admin.Commit("admin/sized");
        await _admin.Branch("admin/sized", "master", "side", first);
        var side = await _admin.Commit("admin/sized", branch: "side");

        var sizes = await _admin.Sizes("admin/sized");
        Assert.Equal([first, second], sizes.Skip(1).Select(size => size.Id));
        Assert.InRange(sizes[1].Bytes - sizes[0].Bytes, 256 << 10, 512 << 10);
        Assert.InRange(sizes[2].Bytes - sizes[1].Bytes, 1 << 20, (1 << 20) + (256 << 10));
        var own = Assert.Single(await _admin.Sizes("admin/sized", "side"));
        Assert.Equal(side, own.Id);
        Assert.InRange(own.Bytes, 256 << 10, 512 << 10);

        Assert.Equal("Permission denied.", await node.Bob.Error("CommitSizes", RpcUser.Triple("admin/sized")));
        Assert.Equal("No such filesystem named 'admin/nothing'", await _admin.Error("CommitSizes", RpcUser.Triple("admin/nothing")));
    }

    [SkippableTheory]
    [InlineData("Apples")]
    [InlineData("1st")]
    [InlineData("_x")]
    [InlineData("#other")]
    [Trait("Behaviour", "46")]
    public async Task Behaviour_46_a_key_must_start_with_a_lower_case_letter(string key)
    {
        await _admin.Text("Procure", new { Namespace = "admin", Name = "upper", Subdot = "" });

        var refused = await _admin.Error(
            "Commit",
            new { Namespace = "admin", Name = "upper", Message = "m", Metadata = new Dictionary<string, string> { [key] = "x" } });

        Assert.Equal($"Metadata field names must start with lowercase characters: {key}", refused);
        Assert.Equal(["Initial commit"], await _admin.Log("admin/upper"));
    }

    [SkippableFact]
    [Trait("Behaviour", "48")]
    public async Task Behaviour_48_a_value_of_2000_bytes_is_kept_also_over_a_restart()
    {
        await _admin.Init("admin/massive");
        var massive = new string('x', 2000);
        await _admin.Commit("admin/massive", metadata: new { massive });
        Assert.Equal(massive, RpcUser.Metadata((await _admin.Commits("admin/massive"))[^1], "massive"));

        await node.Host.Restart();

        Assert.Equal(massive, RpcUser.Metadata((await _admin.Commits("admin/massive"))[^1], "massive"));
    }

    /// <summary>Nothing that a pool could compress, the same in every run.</summary>
    private static byte[] Noise(int bytes)
    {
        var noise = new byte[bytes];
        new Random(1).NextBytes(noise);
        return noise;
    }
}

public sealed class BehaviourCommitsDirectorySpec(BehaviourNode node) : BehaviourCommitsSpec(node), IClassFixture<BehaviourNode>;

[Trait("Speed", "slow")]
public sealed class BehaviourCommitsZfsSpec : BehaviourCommitsSpec, IClassFixture<BehaviourNodeOnZfs>
{
    public BehaviourCommitsZfsSpec(BehaviourNodeOnZfs node)
        : base(node) => Lanes.Require(Lanes.Zfs);
}
