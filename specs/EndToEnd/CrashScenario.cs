using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// One operation on one dot that a crash interrupts. The dot has the commits initial, A ("one") and B ("two"), a branch
/// <c>later</c> made from B, and uncommitted data ("three").
/// </summary>
/// <param name="withLater">False: no branch <c>later</c>, so that nothing stands on the commits that go.</param>
internal sealed class CrashScenario(string operation, string dot, bool withLater = true)
{
    public const string Collaborator = "bob";
    public const string Password = "a long password";

    private string _first = string.Empty;
    private string _id = string.Empty;

    private object Name => new { Namespace = "admin", Name = dot };

    private object Master => new { Namespace = "admin", Name = dot, Branch = "" };

    /// <summary>Everything here is acknowledged before the crash.</summary>
    public async Task Prepare(NodeProcess node)
    {
        if (operation == "create")
        {
            return;
        }

        await node.Rpc.Call("Create", Name);
        _id = await node.Rpc.Text("Exists", Master);
        await Write(node, "one");
        _first = await Commit(node, "A");
        await Write(node, "two");
        var second = await Commit(node, "B");
        if (withLater)
        {
            await Branch(node, "later", second);
        }

        await Write(node, "three");
    }

    /// <summary>The interrupted operation; it is also how it is repeated.</summary>
    public Task Run(NodeProcess node) => operation switch
    {
        "create" => node.Rpc.Call("Create", Name),
        "commit" => Commit(node, "C"),
        "branch" => Branch(node, "new", _first),
        "rollback" => node.Rpc.Call("Rollback", new { Namespace = "admin", Name = dot, Branch = "", SnapshotId = _first }),
        "stash" => node.Rpc.Call("StashAfter", new { FilesystemId = _id, SnapshotId = _first }),
        "share" => node.Rpc.Call("AddCollaborator", new { MasterBranchID = _id, Collaborator }),
        "delete" => node.Rpc.Call("Delete", Name),
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "no such operation"),
    };

    /// <summary>After the restart: whole or not at all, and repeatable; then the operation's full effect.</summary>
    public async Task Check(NodeProcess node)
    {
        await CheckWhole(node);
        var commits = operation is "create" or "delete" ? null : await Messages(node);
        try
        {
            await Run(node);
        }
        catch (RpcErrorException done) when (IsDone(done.Text))
        {
            // the interrupted one was completed by the restart
        }

        await CheckEffect(node, commits);
    }

    private static bool IsDone(string text) =>
        text.Contains("already exists", StringComparison.Ordinal)
        || text.Contains("already a collaborator", StringComparison.Ordinal)
        || text.StartsWith("No such filesystem", StringComparison.Ordinal);

    /// <summary>The restart repairs in the background, so a reader may see it before, but never anything else for long.</summary>
    private async Task CheckWhole(NodeProcess node)
    {
        if (operation == "create")
        {
            return;
        }

        var seen = string.Empty;
        await Patience.Holds(
            async () => (seen = await Look(node)) is "whole" ? seen : null,
            TimeSpan.FromSeconds(60),
            () => $"{operation}: {seen}\n{node.Log}");
    }

    private async Task<string> Look(NodeProcess node)
    {
        try
        {
            if (operation == "delete" && !await IsThere(node))
            {
                return "whole";
            }

            var messages = await Messages(node);
            var content = await Read(node, dot);
            var later = withLater ? await Read(node, $"{dot}@later") : "two";
            var before = messages is ["Initial commit", "A", "B"] && content == "three";
            var whole = before || operation switch
            {
                "commit" => messages is ["Initial commit", "A", "B", "C"] && content == "three",
                "rollback" or "stash" => messages is ["Initial commit", "A"] && content == "one",
                _ => false,
            };
            return whole && later == "two"
                ? "whole"
                : $"commits {string.Join(", ", messages)}, content {content}, of branch later {later}";
        }
        catch (Exception failure) when (failure is RpcErrorException or IOException)
        {
            return failure.Message;
        }
    }

    private async Task CheckEffect(NodeProcess node, IReadOnlyList<string>? before)
    {
        switch (operation)
        {
            case "create":
                Assert.Equal(["Initial commit"], await Messages(node));
                await Write(node, "new");
                break;
            case "commit":
                Assert.Equal([.. before!, "C"], await Messages(node));
                break;
            case "branch":
                Assert.Equal("one", await Read(node, $"{dot}@new"));
                break;
            case "rollback":
                Assert.Equal(["Initial commit", "A"], await Messages(node));
                Assert.Equal("one", await Read(node, dot));
                break;
            case "stash":
                Assert.Equal("one", await Read(node, dot));
                await CheckStashed(node);
                break;
            case "share":
                using (var bob = new RpcClient(new Uri(node.Address, "/rpc"), Collaborator, Password))
                {
                    await bob.Call("Get", _id);
                }

                break;
            case "delete":
                Assert.False(await IsThere(node));
                await node.Rpc.Call("Create", Name);
                Assert.Equal(["Initial commit"], await Messages(node));
                break;
        }

        if (withLater && operation is not ("create" or "delete"))
        {
            Assert.Equal("two", await Read(node, $"{dot}@later"));
        }
    }

    /// <summary>Uncommitted data lives on in one of the branches that the stash, or its repetition, made.</summary>
    private async Task CheckStashed(NodeProcess node)
    {
        var branches = (await node.Rpc.Call("Branches", Name))!.AsArray().Select(b => (string)b!).ToList();
        var contents = new List<string>();
        foreach (var branch in branches.Where(b => b.Contains("-DIVERGED-", StringComparison.Ordinal)))
        {
            contents.Add(await Read(node, $"{dot}@{branch}"));
        }

        Assert.Contains("three", contents);
    }

    private async Task<bool> IsThere(NodeProcess node) => (await node.Rpc.Text("Exists", Master)).Length > 0;

    private Task<string> Commit(NodeProcess node, string message) =>
        node.Rpc.Text("Commit", new { Namespace = "admin", Name = dot, Branch = "", Message = message });

    private Task Branch(NodeProcess node, string branch, string commit) => node.Rpc.Call(
        "Branch",
        new { Namespace = "admin", Name = dot, SourceBranch = "master", NewBranchName = branch, SourceCommitId = commit });

    private async Task<IReadOnlyList<string>> Messages(NodeProcess node) =>
        [.. (await node.Rpc.Call("Commits", Master))!.AsArray().Select(c => (string)c!["Metadata"]!["message"]!)];

    private async Task Write(NodeProcess node, string text) =>
        await File.WriteAllTextAsync(Path.Combine(await Folder(node, dot), "file"), text);

    private static async Task<string> Read(NodeProcess node, string name) =>
        await File.ReadAllTextAsync(Path.Combine(await Folder(node, name), "file"));

    private static Task<string> Folder(NodeProcess node, string name) =>
        node.Rpc.Text("Procure", new { Namespace = "admin", Name = name, Subdot = "__default__" });
}
