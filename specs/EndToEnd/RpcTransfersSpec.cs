using System.Security.Cryptography;
using System.Text.Json;
using Dotmesh.Specs.EndToEnd.Behaviours;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>What a transfer asks before it begins.</summary>
public sealed class RpcTransfersSpec(BehaviourNode node) : IClassFixture<BehaviourNode>
{
    private const int Megabyte = 1024 * 1024;

    private readonly RpcUser _admin = node.Admin;

    [Fact]
    public async Task PredictSize_from_a_commit_counts_what_came_after_it_on_the_same_branch_and_on_one_made_there()
    {
        await _admin.Init("admin/sized");
        await Write("admin/sized", "large", Megabyte);
        var first = await _admin.Commit("admin/sized", "first");
        await Write("admin/sized", "small", 1024);
        var second = await _admin.Commit("admin/sized", "second");
        await _admin.Branch("admin/sized", "master", "side", second);
        await Write("admin/sized@side", "half", Megabyte / 2);
        var third = await _admin.Commit("admin/sized", "third", "side");
        var (master, side) = (await _admin.Lookup("admin/sized"), await _admin.Lookup("admin/sized", "side"));

        var all = await Predict("", "", master, second);
        var after = await Predict(master, first, master, second);
        var branch = await Predict(master, second, side, third);

        Assert.InRange(all, Megabyte, 2 * Megabyte);
        Assert.InRange(after, 1024, Megabyte / 4);
        Assert.InRange(branch, Megabyte / 2, Megabyte);
        Assert.Equal(after, await Predict("", first, master, second));
        Assert.Equal("Permission denied.", await node.Bob.Error("PredictSize", Range(master, first, master, second)));
    }

    [Fact]
    public async Task The_path_to_a_branch_of_a_branch_names_both_and_where_each_begins()
    {
        await _admin.Init("admin/deep");
        var onMaster = await _admin.Commit("admin/deep", "on master");
        await _admin.Branch("admin/deep", "master", "b1", onMaster);
        var onBranch = await _admin.Commit("admin/deep", "on b1", "b1");
        await _admin.Branch("admin/deep", "b1", "b2", onBranch);
        var (master, b1) = (await _admin.Lookup("admin/deep"), await _admin.Lookup("admin/deep", "b1"));
        var b2 = await _admin.Lookup("admin/deep", "b2");

        var path = await _admin.Result(
            "DeducePathToTopLevelFilesystem",
            new { RemoteNamespace = "admin", RemoteFilesystemName = "deep", RemoteCloneName = "b2" });

        Assert.Equal(master, path.GetProperty("TopLevelFilesystemId").GetString());
        Assert.Equal(
            [Step("b1", b1, master, onMaster), Step("b2", b2, b1, onBranch)],
            path.GetProperty("Clones").EnumerateArray().Select(step => step.GetRawText()));

        string Step(string name, string id, string origin, string commit) => JsonSerializer.Serialize(new
        {
            Name = name,
            Clone = new
            {
                TopLevelFilesystemId = master,
                FilesystemId = id,
                Name = name,
                Origin = new { FilesystemId = origin, SnapshotId = commit },
            },
        });
    }

    private async Task<long> Predict(string fromFilesystem, string fromCommit, string filesystem, string commit) =>
        (await _admin.Result("PredictSize", Range(fromFilesystem, fromCommit, filesystem, commit))).GetInt64();

    private static object Range(string fromFilesystem, string fromCommit, string filesystem, string commit) => new
    {
        FromFilesystemId = fromFilesystem,
        FromSnapshotId = fromCommit,
        ToFilesystemId = filesystem,
        ToSnapshotId = commit,
    };

    private async Task Write(string dot, string file, int bytes) =>
        await File.WriteAllBytesAsync(Path.Combine(await _admin.Procure(dot), file), RandomNumberGenerator.GetBytes(bytes));
}
