using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

public abstract class BehaviourMountsSpec(BehaviourNode node)
{
    private readonly RpcUser _admin = node.Admin;

    /// <summary>As the administrator of the machine would, without a word to the node.</summary>
    protected abstract Task UnmountByHand(string filesystem);

    protected abstract bool IsMounted(string filesystem);

    protected string Mount(string filesystem) => Path.Combine(node.Host.MountPrefix, "dmfs", filesystem);

    [SkippableFact]
    [Trait("Behaviour", "10")]
    public async Task Behaviour_10_a_new_dot_is_mounted()
    {
        await _admin.Init("admin/mounted");

        var id = await _admin.Lookup("admin/mounted");
        Assert.True(IsMounted(id));
        Assert.True(Directory.Exists(Path.Combine(Mount(id), "__default__")));
        Assert.Equal("active", await State("admin/mounted"));
    }

    [SkippableFact]
    [Trait("Behaviour", "11")]
    public async Task Behaviour_11_the_id_of_the_master_branch_is_the_filesystem_id()
    {
        await _admin.Init("admin/shown");

        var id = await _admin.Lookup("admin/shown");
        Assert.Equal(id, (await _admin.Shown("admin/shown")).GetProperty("MasterBranch").GetProperty("Id").GetString());
        Assert.Equal(id, (await _admin.Listed("admin/shown"))?.GetProperty("Id").GetString());
        Assert.Equal(id, (await _admin.Result("Get", id)).GetProperty("Id").GetString());
    }

    [SkippableFact]
    [Trait("Behaviour", "12")]
    public async Task Behaviour_12_what_was_unmounted_by_hand_is_mounted_after_a_restart()
    {
        var path = await Written("admin/unmounted", "kept");
        var id = await _admin.Lookup("admin/unmounted");
        await UnmountByHand(id);
        Assert.False(IsMounted(id));

        await node.Host.Restart();

        Assert.True(await Eventually.True(() => IsMounted(id)));
        Assert.Equal("kept", await File.ReadAllTextAsync(Path.Combine(path, "HELLO")));
    }

    [SkippableFact]
    [Trait("Behaviour", "13")]
    public async Task Behaviour_13_what_was_unmounted_by_hand_is_mounted_when_the_node_is_told_to_look_again()
    {
        var path = await Written("admin/again", "kept");
        var id = await _admin.Lookup("admin/again");
        await UnmountByHand(id);
        Assert.False(IsMounted(id));

        await _admin.Result("SetDebugFlag", new { FlagName = "ForceStateMachineToDiscovering", FlagValue = id });

        Assert.True(IsMounted(id));
        Assert.Equal("active", await State("admin/again"));
        Assert.Equal("kept", await File.ReadAllTextAsync(Path.Combine(path, "HELLO")));
    }

    [SkippableFact]
    [Trait("Behaviour", "14")]
    public async Task Behaviour_14_dots_survive_a_restart()
    {
        var path = await Written("admin/survivor", "committed");
        var commit = await _admin.Commit("admin/survivor", "before");
        await _admin.Branch("admin/survivor", "master", "side", commit);
        await File.WriteAllTextAsync(Path.Combine(path, "HELLO"), "not committed");
        var id = await _admin.Lookup("admin/survivor");

        await node.Host.Restart();

        Assert.Equal(id, await _admin.Lookup("admin/survivor"));
        Assert.Equal(["Initial commit", "before"], await _admin.Log("admin/survivor"));
        Assert.Equal("not committed", await File.ReadAllTextAsync(Path.Combine(path, "HELLO")));
        Assert.Equal(
            "committed", await File.ReadAllTextAsync(Path.Combine(await _admin.Procure("admin/survivor@side"), "HELLO")));
        await _admin.Commit("admin/survivor", "after");
        Assert.Equal(["Initial commit", "before", "after"], await _admin.Log("admin/survivor"));
    }

    [SkippableFact]
    [Trait("Behaviour", "27")]
    public async Task Behaviour_27_a_rollback_works_although_a_commit_is_mounted()
    {
        var path = await Written("admin/read-only", "y");
        var first = await _admin.Commit("admin/read-only", "hello");
        await File.WriteAllTextAsync(Path.Combine(path, "HELLO"), "z");
        var second = await _admin.Commit("admin/read-only", "again");
        foreach (var (commit, text) in new[] { (first, "y"), (second, "z") })
        {
            Assert.Equal(text, await File.ReadAllTextAsync(await MountedFile("admin/read-only", commit)));
        }

        await _admin.Rollback("admin/read-only", first);

        Assert.Equal(["Initial commit", "hello"], await _admin.Log("admin/read-only"));
        Assert.Equal("y", await File.ReadAllTextAsync(Path.Combine(path, "HELLO")));
    }

    [SkippableFact]
    [Trait("Behaviour", "40")]
    public async Task Behaviour_40_an_existing_dot_is_mounted_with_its_files()
    {
        var path = await Written("admin/existing", "written");

        Assert.Equal(path, await _admin.Procure("admin/existing"));
        Assert.Equal("written", await File.ReadAllTextAsync(Path.Combine(path, "HELLO")));
        Assert.EndsWith("/admin/existing/__default__", path, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Mount(await _admin.Lookup("admin/existing")), "__default__", "HELLO")));
    }

    [SkippableFact]
    [Trait("Behaviour", "41")]
    public async Task Behaviour_41_a_dot_that_is_not_there_is_made_and_what_is_written_is_in_it()
    {
        await File.WriteAllTextAsync(Path.Combine(await _admin.Procure("admin/made-by-mount"), "HELLO"), "x");

        Assert.NotNull(await _admin.Listed("admin/made-by-mount"));
        var commit = await _admin.Commit("admin/made-by-mount");
        Assert.Equal("x", await File.ReadAllTextAsync(await MountedFile("admin/made-by-mount", commit)));
    }

    [SkippableFact]
    [Trait("Behaviour", "42")]
    public async Task Behaviour_42_a_client_that_must_not_make_a_dot_learns_that_there_is_none()
    {
        Assert.Equal("", await _admin.Text("Exists", RpcUser.Triple("admin/missing")));
        Assert.Equal("No such filesystem named 'admin/missing'", await _admin.Error("Lookup", RpcUser.Triple("admin/missing")));
        Assert.Null(await _admin.Listed("admin/missing"));
    }

    [SkippableFact]
    [Trait("Behaviour", "44")]
    public async Task Behaviour_44_a_commit_is_mounted_with_the_files_it_has()
    {
        var path = await Written("admin/mount-commit", "committed");
        var commit = await _admin.Commit("admin/mount-commit");
        await File.WriteAllTextAsync(Path.Combine(path, "HELLO"), "changed since");

        // params without Branch, as the test of the original sends them
        var id = await _admin.Text("Lookup", RpcUser.Dot("admin/mount-commit"));
        var mounted = await _admin.Text("MountCommit", new { FilesystemId = id, CommitId = commit });

        Assert.EndsWith($"/dmfs/{id}@{commit}", mounted, StringComparison.Ordinal);
        Assert.Equal("committed", await File.ReadAllTextAsync(Path.Combine(mounted, "__default__", "HELLO")));
        Assert.Equal(mounted, await _admin.Text("MountCommit", new { FilesystemId = id, CommitId = commit }));
        Assert.Equal(
            $"Cannot find commit with id nope for filesystem {id}",
            await _admin.Error("MountCommit", new { FilesystemId = id, CommitId = "nope" }));
    }

    private async Task<string> Written(string dot, string text)
    {
        await _admin.Init(dot);
        var path = await _admin.Procure(dot);
        await File.WriteAllTextAsync(Path.Combine(path, "HELLO"), text);
        return path;
    }

    private async Task<string> MountedFile(string dot, string commit)
    {
        var view = await _admin.Text("MountCommit", new { FilesystemId = await _admin.Lookup(dot), CommitId = commit });
        return Path.Combine(view, "__default__", "HELLO");
    }

    private async Task<string?> State(string dot) =>
        (await _admin.Listed(dot))?.GetProperty("ServerStates").GetProperty(node.Host.Dots.ThisNode.Value).GetString();
}

/// <summary>A mount is a link here.</summary>
public sealed class BehaviourMountsDirectorySpec(BehaviourNode node) : BehaviourMountsSpec(node), IClassFixture<BehaviourNode>
{
    protected override Task UnmountByHand(string filesystem)
    {
        File.Delete(Mount(filesystem));
        return Task.CompletedTask;
    }

    protected override bool IsMounted(string filesystem) => new DirectoryInfo(Mount(filesystem)).LinkTarget is not null;
}

[Trait("Speed", "slow")]
public sealed class BehaviourMountsZfsSpec : BehaviourMountsSpec, IClassFixture<BehaviourNodeOnZfs>
{
    private readonly BehaviourNodeOnZfs _node;

    public BehaviourMountsZfsSpec(BehaviourNodeOnZfs node)
        : base(node)
    {
        Lanes.Require(Lanes.Zfs);
        _node = node;
    }

    protected override Task UnmountByHand(string filesystem) => _node.Pool!.UnmountByHand(Mount(filesystem));

    protected override bool IsMounted(string filesystem) => ZfsPool.IsMounted(Mount(filesystem));
}
