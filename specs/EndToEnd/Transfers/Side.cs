using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>One of the clusters of a transfer, with one-line words for what its users do. Nodes are numbered from 0.</summary>
/// <param name="typed">With <c>dm</c> as a program where that has a word for it.</param>
public sealed class Side(IReadOnlyList<NodeProcess> nodes, bool typed = false)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly TypedWords? _words = typed ? new(nodes) : null;

    public IReadOnlyList<NodeProcess> Nodes => nodes;

    public string Logs => string.Join("\n=====\n", nodes.Select(node => node.Log));

    public RpcClient Rpc(int node = 0) => nodes[node].Rpc;

    public Task Create(string name) => _words is { } words ? words.Create(name) : Rpc().Call("Create", new { Namespace = "admin", Name = name });

    public Task<string> Procure(string name, string branch = "", int node = 0) => Rpc(node).Text(
        "Procure", new { Namespace = "admin", Name = branch.Length == 0 ? name : $"{name}@{branch}", Subdot = "__default__" });

    /// <summary>Writes a file into a branch, where it is mounted.</summary>
    public async Task Write(string name, string file, string text, string branch = "", int node = 0) =>
        await File.WriteAllTextAsync(Path.Combine(await Procure(name, branch, node), file), text);

    public async Task<string> Read(string name, string file, string branch = "", int node = 0) =>
        await File.ReadAllTextAsync(Path.Combine(await Procure(name, branch, node), file));

    public Task<string> Commit(string name, string message, string branch = "", int node = 0) =>
        _words is { } words ? words.Commit(name, message, branch, node) : Rpc(node).Text("Commit", new { Namespace = "admin", Name = name, Branch = branch, Message = message });

    /// <summary>Writes a file named as the message and commits it.</summary>
    public async Task<string> Commits(string name, string message, string branch = "")
    {
        await Write(name, message, message, branch);
        return await Commit(name, message, branch);
    }

    public Task Branch(string name, string source, string created, string commit) => Rpc().Call(
        "Branch", new { Namespace = "admin", Name = name, SourceBranch = source, NewBranchName = created, SourceCommitId = commit });

    public Task Rollback(string name, string commit) =>
        _words is { } words ? words.Rollback(name, commit) : Rpc().Call("Rollback", new { Namespace = "admin", Name = name, Branch = "", SnapshotId = commit });

    /// <summary>Messages of the commits, oldest first, without the one that every dot begins with.</summary>
    public async Task<IReadOnlyList<string>> Log(string name, string branch = "", int node = 0) =>
    [
        .. ((JsonArray)(await Rpc(node).Call("Commits", new { Namespace = "admin", Name = name, Branch = branch }))!)
            .Select(commit => (string)commit!["Metadata"]!["message"]!).Where(message => message != "Initial commit"),
    ];

    /// <summary>Ids of the commits of the master branch, oldest first.</summary>
    public async Task<IReadOnlyList<string>> Ids(string name) =>
    [
        .. ((JsonArray)(await Rpc().Call("Commits", new { Namespace = "admin", Name = name, Branch = "" }))!).Select(commit => (string)commit!["Id"]!),
    ];

    public async Task<IReadOnlyList<string>> Branches(string name) =>
    [
        .. ((JsonArray)(await Rpc().Call("Branches", new { Namespace = "admin", Name = name }))!).Select(branch => (string)branch!),
    ];

    public Task<string> IdOf(string name, string branch = "") =>
        Rpc().Text("Exists", new { Namespace = "admin", Name = name, Branch = branch });

    /// <summary>Pushes and answers the transfer's last record, finished or failed.</summary>
    public Task<JsonNode> Push(Side to, string name, string remote = "", string branch = "", bool stash = false, int from = 0, int toNode = 0) =>
        Move("push", to, name, remote.Length == 0 ? name : remote, branch, stash, from, toNode);

    /// <summary>Pulls or clones; likewise.</summary>
    public Task<JsonNode> Pull(Side from, string name, string remote = "", string branch = "", bool stash = false, int to = 0, int fromNode = 0) =>
        Move("pull", from, name, remote.Length == 0 ? name : remote, branch, stash, to, fromNode);

    /// <summary>Asks for a transfer and answers its id.</summary>
    /// <param name="remote">Its namespace is admin where it names none.</param>
    /// <param name="as">User and password at the other side; admin when null.</param>
    /// <param name="port">In the place of the other side's own.</param>
    public Task<string> Begin(
        string direction, Side other, string name, string remote, string branch = "", bool stash = false, int node = 0, int otherNode = 0,
        long bytesPerSecond = 0, (string Name, string Secret)? @as = null, int? port = null, bool stopContainers = false) =>
        _words is not null && !stopContainers && bytesPerSecond == 0 && @as is null && port is null
            ? _words.Begin(direction, other.Nodes[otherNode], name, remote, branch, stash, node)
            : Called(direction, other, name, remote, branch, stash, node, otherNode, bytesPerSecond, @as, port, stopContainers);

    /// <summary>Asks for a transfer that is refused; answers the text.</summary>
    public async Task<string> Refused(
        string direction, Side other, string name, string remote, string branch = "", (string Name, string Secret)? @as = null) =>
        (await Assert.ThrowsAsync<RpcErrorException>(() => Called(direction, other, name, remote, branch, false, 0, 0, 0, @as, null, false))).Text;

    private Task<string> Called(
        string direction, Side other, string name, string remote, string branch, bool stash, int node, int otherNode,
        long bytesPerSecond, (string Name, string Secret)? @as, int? port, bool stopContainers) =>
        Rpc(node).Text("Transfer", new
        {
            Peer = other.Nodes[otherNode].Setup.Host,
            Port = port ?? other.Nodes[otherNode].Setup.ClientPort,
            User = @as?.Name ?? "admin",
            ApiKey = @as?.Secret ?? NodeProcess.ReadKey(other.Nodes[0].Setup),
            Direction = direction,
            LocalNamespace = "admin",
            LocalName = name,
            LocalBranchName = branch,
            RemoteNamespace = remote.Contains('/', StringComparison.Ordinal) ? remote.Split('/')[0] : "admin",
            RemoteName = remote.Split('/')[^1],
            RemoteBranchName = branch,
            StashDivergence = stash,
            StopContainers = stopContainers,
            MaxBytesPerSecond = bytesPerSecond,
        });

    /// <summary>Waits until a transfer is over; answers its record.</summary>
    public Task<JsonNode> Over(string id, int node = 0, TimeSpan? limit = null)
    {
        JsonNode? last = null;
        return Patience.Holds(
            async () =>
            {
                last = (await Rpc(node).Call("GetTransfer", id))!;
                return IsOver(last) ? last : null;
            },
            limit ?? Limit,
            () => $"transfer {id} does not end: {last}\n{Logs}");
    }

    /// <summary>Waits until bytes of a transfer have gone over.</summary>
    public Task<JsonNode> Moving(string id, int node = 0)
    {
        JsonNode? last = null;
        return Patience.Holds(
            async () =>
            {
                last = (await Rpc(node).Call("GetTransfer", id))!;
                Assert.False(IsOver(last), $"it is over already: {last}");
                return (long)last["Sent"]! > 0 ? last : null;
            },
            Limit,
            () => $"nothing of transfer {id} moves: {last}\n{Logs}");
    }

    /// <summary>What another cluster calls before it sends a stream: both registrations. Answers what the second one does.</summary>
    public async Task<bool> Announce(string name, string filesystem, string from, string to)
    {
        await Rpc().Call("RegisterFilesystem", new
        {
            Namespace = "admin",
            TopLevelFilesystemName = name,
            CloneName = "",
            FilesystemId = filesystem,
            PathToTopLevelFilesystem = new
            {
                TopLevelFilesystemId = filesystem,
                TopLevelFilesystemName = new { Namespace = "admin", Name = "theirs" },
                Clones = (object?)null,
            },
            BecomeMasterIfNotExists = true,
        });
        return (bool)(await Rpc().Call("RegisterTransfer", new
        {
            TransferRequestId = $"{from}-{to}",
            Peer = "127.0.0.1",
            User = "admin",
            ApiKey = "of-no-concern",
            Direction = "push",
            LocalNamespace = "admin",
            LocalName = "theirs",
            RemoteNamespace = "admin",
            RemoteName = name,
            FilesystemId = filesystem,
            StartingCommit = from,
            TargetCommit = to,
            Index = 1,
            Total = 1,
            Status = "syncing metadata",
        }))!;
    }

    /// <summary>To the first node's port for clients, as admin.</summary>
    public HttpClient Http()
    {
        var http = new HttpClient { BaseAddress = new Uri($"http://{nodes[0].Setup.Host}:{nodes[0].Setup.ClientPort}") };
        http.DefaultRequestHeaders.Authorization = RpcClient.Basic("admin", NodeProcess.ReadKey(nodes[0].Setup));
        return http;
    }

    /// <summary>The files of a folder, with a hash of what is in each.</summary>
    public static string Files(string folder) => string.Join('\n', Directory.GetFiles(folder).Order(StringComparer.Ordinal)
        .Select(file => $"{Path.GetFileName(file)} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))}"));

    public static bool IsOver(JsonNode record) =>
        (string?)record["Status"] == "error" || ((string?)record["Status"] == "finished" && (int)record["Index"]! == (int)record["Total"]!);

    /// <summary>The record of a transfer that is to have come to its good end.</summary>
    public static JsonNode Finished(JsonNode record)
    {
        Assert.True((string?)record["Status"] == "finished", record.ToString());
        return record;
    }

    /// <summary>The message of a transfer that is to have failed.</summary>
    public static string Failed(JsonNode record)
    {
        Assert.True((string?)record["Status"] == "error", record.ToString());
        return (string)record["Message"]!;
    }

    private async Task<JsonNode> Move(
        string direction, Side other, string name, string remote, string branch, bool stash, int node, int otherNode)
    {
        var record = await Over(await Begin(direction, other, name, remote, branch, stash, node, otherNode), node);
        Assert.DoesNotContain(NodeProcess.ReadKey(other.Nodes[0].Setup), record.ToString(), StringComparison.Ordinal);
        return record;
    }
}
