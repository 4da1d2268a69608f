using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

public abstract class BehaviourBranchesSpec(BehaviourNode node)
{
    private readonly RpcUser _admin = node.Admin;

    [SkippableFact]
    [Trait("Behaviour", "22")]
    public async Task Behaviour_22_a_commit_on_a_branch_is_in_the_branchs_log_alone()
    {
        await MakeBranch("admin/branched");

        Assert.Equal(["there"], await _admin.Log("admin/branched", "branch1"));
        Assert.Equal(["Initial commit", "here"], await _admin.Log("admin/branched"));
        Assert.Equal(["branch1"], (await _admin.Result("Branches", RpcUser.Dot("admin/branched"))).EnumerateArray()
            .Select(name => name.GetString()));
    }

    [SkippableFact]
    [Trait("Behaviour", "23")]
    public async Task Behaviour_23_master_does_not_see_a_branchs_file_and_the_branch_does()
    {
        await MakeBranch("admin/checked-out");

        Assert.Equal(["X"], await Files("admin/checked-out"));
        Assert.Equal(["X"], await Files("admin/checked-out@master"));
        Assert.Equal(["X", "Y"], await Files("admin/checked-out@branch1"));
    }

    [SkippableFact]
    [Trait("Behaviour", "32")]
    public async Task Behaviour_32_three_pinned_branches_show_exactly_their_own_files()
    {
        await _admin.Init("admin/pinned");
        await File.WriteAllTextAsync(Path.Combine(await _admin.Procure("admin/pinned"), "ORIGINAL"), "o");
        var commit = await _admin.Commit("admin/pinned");
        foreach (var branch in new[] { "branch1", "branch2", "branch3" })
        {
            await _admin.Branch("admin/pinned", "master", branch, commit);
            await File.WriteAllTextAsync(Path.Combine(await _admin.Procure($"admin/pinned@{branch}"), branch.ToUpperInvariant()), "b");
            await _admin.Commit("admin/pinned", branch: branch);
        }

        foreach (var branch in new[] { "branch1", "branch2", "branch3" })
        {
            Assert.Equal([branch.ToUpperInvariant(), "ORIGINAL"], await Files($"admin/pinned@{branch}"));
        }

        Assert.Equal(["ORIGINAL"], await Files("admin/pinned"));
    }

    [SkippableFact]
    [Trait("Behaviour", "33")]
    [Trait("Behaviour", "34")]
    public async Task Behaviours_33_34_subdots_are_folders_of_their_own_under_one_root()
    {
        await _admin.Init("admin/subdots");
        foreach (var subdot in new[] { "frogs", "eat", "flies" })
        {
            await File.WriteAllTextAsync(Path.Combine(await _admin.Procure("admin/subdots", subdot), $"HELLO-{subdot}"), subdot);
        }

        await File.WriteAllTextAsync(Path.Combine(await _admin.Procure("admin/subdots"), "HELLO"), "default");
        var root = await _admin.Procure("admin/subdots", "");
        await File.WriteAllTextAsync(Path.Combine(root, "HELLO-ROOT"), "root");

        Assert.Equal(
            ["HELLO-ROOT", "__default__/HELLO", "eat/HELLO-eat", "flies/HELLO-flies", "frogs/HELLO-frogs"],
            Directory.GetFiles(root, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(root, file))
                .Where(file => !file.StartsWith("dotmesh.metadata/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal));
    }

    /// <summary>X committed on master; a branch made of it, on which Y is committed.</summary>
    private async Task MakeBranch(string dot)
    {
        await _admin.Init(dot);
        await File.WriteAllTextAsync(Path.Combine(await _admin.Procure(dot), "X"), "x");
        await _admin.Branch(dot, "master", "branch1", await _admin.Commit(dot, "here"));
        await File.WriteAllTextAsync(Path.Combine(await _admin.Procure($"{dot}@branch1"), "Y"), "y");
        await _admin.Commit(dot, "there", "branch1");
    }

    private async Task<IEnumerable<string?>> Files(string dot) =>
        Directory.GetFiles(await _admin.Procure(dot)).Select(Path.GetFileName).Order(StringComparer.Ordinal);
}

public sealed class BehaviourBranchesDirectorySpec(BehaviourNode node) : BehaviourBranchesSpec(node), IClassFixture<BehaviourNode>;

[Trait("Speed", "slow")]
public sealed class BehaviourBranchesZfsSpec : BehaviourBranchesSpec, IClassFixture<BehaviourNodeOnZfs>
{
    public BehaviourBranchesZfsSpec(BehaviourNodeOnZfs node)
        : base(node) => Lanes.Require(Lanes.Zfs);
}
