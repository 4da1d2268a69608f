using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>A node that lost its database, and has its pool.</summary>
[Trait("Speed", "slow")]
public abstract class NodeRebuildSpecs : IAsyncLifetime
{
    private static readonly object Data = new { Namespace = "alice", Name = "data", Branch = "" };

    private readonly ScratchFolder _folder = new();

    /// <summary>Skips where the lane is off.</summary>
    protected abstract Task<NodeSetup> Setup(string folder);

    protected virtual Task Cleanup() => Task.CompletedTask;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await Cleanup();
        _folder.Dispose();
    }

    [SkippableFact]
    public async Task Without_its_database_files_a_node_has_dots_branches_commits_owners_and_collaborators_again()
    {
        var setup = await Setup(_folder.Path);
        var before = await MakeAndDie(setup);

        foreach (var file in Directory.GetFiles(setup.DataFolder, "*.db*"))
        {
            File.Delete(file);
        }

        await using var rebuilt = await NodeProcess.Start(setup);
        await AssertSame(before, rebuilt);
        var lost = string.Join(", ", new[] { before["owner"], before["collaborators"] }
            .Select(user => Text(user).Split(' ') is [var id, var name] ? $"{name} ({id})" : throw new FormatException(Text(user))));
        Assert.Contains($"owners and collaborators of rebuilt dots who are not users any more: {lost}", rebuilt.Log, StringComparison.Ordinal);

        // rights go by id: who takes the owner's name is not the owner
        await Register(rebuilt, "alice");
        using var impostor = As(rebuilt, "alice");
        var denied = await Assert.ThrowsAsync<RpcErrorException>(() => impostor.Call("Commits", Data));
        Assert.Equal("Permission denied.", denied.Text);
        denied = await Assert.ThrowsAsync<RpcErrorException>(() => impostor.Call("Delete", Data));
        Assert.Equal("You are not the owner of volume alice/data. Only the owner can delete it.", denied.Text);
        await rebuilt.Rpc.Call("Commit", new { Namespace = "alice", Name = "data", Message = "goes on" });
        await rebuilt.Rpc.Call("Delete", Data);
    }

    [SkippableFact]
    public async Task Users_who_are_still_there_have_their_rights_again_when_directory_and_journal_are_lost()
    {
        var setup = await Setup(_folder.Path);
        var before = await MakeAndDie(setup);

        LoseDirectoryAndJournal(setup);

        await using var rebuilt = await NodeProcess.Start(setup);
        await AssertSame(before, rebuilt);
        using var bob = As(rebuilt, "bob");
        await bob.Call("Commit", new { Namespace = "alice", Name = "data", Message = "by bob" });
        await Assert.ThrowsAsync<RpcErrorException>(() => bob.Call("Delete", Data));
        using var alice = As(rebuilt, "alice");
        await alice.Call("Delete", Data);
        Assert.Equal("", await alice.Text("Exists", Data));
    }

    private static void LoseDirectoryAndJournal(NodeSetup setup)
    {
        foreach (var file in Directory.GetFiles(setup.DataFolder, "*.journal.db*"))
        {
            File.Delete(file);
        }

        using var connection = new SqliteConnection($"Data Source={setup.Database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "DELETE FROM dots; DELETE FROM branches; DELETE FROM collaborators;";
        Assert.True(command.ExecuteNonQuery() >= 3);
    }

    /// <summary>A dot of alice with a branch, shared with bob, on a node that is killed; answers how it was shown.</summary>
    private static async Task<JsonNode> MakeAndDie(NodeSetup setup)
    {
        await using var node = await NodeProcess.Start(setup);
        await Register(node, "alice");
        await Register(node, "bob");
        using var alice = As(node, "alice");
        await alice.Call("Create", Data);
        var path = await node.Rpc.Text("Procure", new { Namespace = "alice", Name = "data", Subdot = "__default__" });
        await File.WriteAllTextAsync(Path.Combine(path, "file"), "committed");
        var commit = await alice.Text("Commit", new { Namespace = "alice", Name = "data", Message = "kept" });
        await alice.Call(
            "Branch",
            new { Namespace = "alice", Name = "data", SourceBranch = "master", NewBranchName = "side", SourceCommitId = commit });
        await alice.Call("Commit", new { Namespace = "alice", Name = "data", Branch = "side", Message = "on the branch" });
        await alice.Call(
            "AddCollaborator", new { MasterBranchID = await alice.Text("Lookup", Data), Collaborator = "bob" });
        var shown = await Shown(node);
        await node.Kill9();
        return shown;
    }

    private static async Task AssertSame(JsonNode before, NodeProcess node)
    {
        Assert.Equal(before.ToJsonString(), (await Shown(node)).ToJsonString());
        var path = await node.Rpc.Text("Procure", new { Namespace = "alice", Name = "data", Subdot = "__default__" });
        Assert.Equal("committed", await File.ReadAllTextAsync(Path.Combine(path, "file")));
    }

    /// <summary>Ids, names, owner and collaborators, and the commits of both branches.</summary>
    private static async Task<JsonNode> Shown(NodeProcess node)
    {
        var dot = (await node.Rpc.Call("AllDotsAndBranches"))!["Dots"]!.AsArray().Single()!;
        return new JsonObject
        {
            ["master"] = Text(dot["MasterBranch"]!["Id"]),
            ["side"] = Text(dot["OtherBranches"]!.AsArray().Single()!["Id"]),
            ["owner"] = $"{Text(dot["Owner"]!["Id"])} {Text(dot["Owner"]!["Name"])}",
            ["collaborators"] = string.Join(
                ',', dot["Collaborators"]!.AsArray().Select(user => $"{Text(user!["Id"])} {Text(user["Name"])}")),
            ["commits"] = (await node.Rpc.Call("Commits", Data))!.DeepClone(),
            ["sideCommits"] = (await node.Rpc.Call("Commits", new { Namespace = "alice", Name = "data", Branch = "side" }))!.DeepClone(),
        };
    }

    private static string Text(JsonNode? node) => (string)node!;

    private static Task<JsonNode?> Register(NodeProcess node, string name) => node.Rpc.Call(
        "RegisterNewUser", new { Name = name, Email = $"{name}@example.com", Password = $"{name} is great" });

    private static RpcClient As(NodeProcess node, string name) => new(new Uri(node.Address, "/rpc"), name, $"{name} is great");
}

public sealed class NodeRebuildDirectorySpecs : NodeRebuildSpecs
{
    protected override Task<NodeSetup> Setup(string folder) => Task.FromResult(new NodeSetup(folder));
}

/// <summary>Labels are properties of datasets here.</summary>
public sealed class NodeRebuildZfsSpecs : NodeRebuildSpecs
{
    private ZfsPool? _pool;

    protected override async Task<NodeSetup> Setup(string folder)
    {
        Lanes.Require(Lanes.Zfs);
        _pool = await ZfsPool.Create();
        return new NodeSetup(folder, _pool.Name);
    }

    protected override async Task Cleanup()
    {
        if (_pool is not null)
        {
            await _pool.DisposeAsync();
        }
    }
}
