using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Docker;

/// <summary>One node that serves the machine's engine, and the words of <c>dm</c> for it. Nothing where the lane is off.</summary>
public class DockerNode : IAsyncLifetime
{
    private readonly ScratchFolder _folder = new();
    private ZfsPool? _pool;

    private protected virtual bool OnZfs => false;

    public DockerEngineHost Engine { get; } = new(DockerEngineHost.NewDriver());

    public NodeProcess Node { get; private set; } = null!;

    public NodeSetup Setup { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (!Lanes.IsOn(Lanes.Docker) || (OnZfs && !Lanes.IsOn(Lanes.Zfs)))
        {
            return;
        }

        _pool = OnZfs ? await ZfsPool.Create() : null;
        Setup = new NodeSetup(_folder.Path, _pool?.Name)
        {
            Environment = new Dictionary<string, string?>
            {
                ["DOTMESH__DOCKER__PLUGIN"] = "yes",
                ["DOTMESH__DOCKER__PLUGINSOCKET"] = DockerEngineHost.SocketOf(Engine.Driver),
                ["DOTMESH__DOCKER__STOPSECONDS"] = "3",
            },
        };
        Node = await NodeProcess.Start(Setup);
    }

    public async Task DisposeAsync()
    {
        if (Node is not null)
        {
            await Engine.DisposeAsync();
            await Node.DisposeAsync();
            Engine.Forget();
        }

        if (_pool is not null)
        {
            await _pool.DisposeAsync();
        }

        _folder.Dispose();
    }

    /// <summary>The same words typed by somebody.</summary>
    public DockerDm Dm => new(this);

    /// <summary>kill -9, or what ended it, and a new start.</summary>
    /// <param name="faults">Fault points of the new life.</param>
    public async Task Restart(string faults = "")
    {
        await Node.Kill9();
        await Node.DisposeAsync();
        Node = await NodeProcess.Start(Setup with
        {
            Environment = new Dictionary<string, string?>(Setup.Environment) { ["DOTMESH__DEBUG__FAULTPOINTS"] = faults },
        });
    }

    public object Name(string dot) => new { Namespace = "admin", Name = Engine.Named(dot) };

    public object Triple(string dot, string branch = "") => new { Namespace = "admin", Name = Engine.Named(dot), Branch = branch };

    public Task<string> Commit(string dot, string branch = "") =>
        Node.Rpc.Text("Commit", new { Namespace = "admin", Name = Engine.Named(dot), Branch = branch, Message = "a message" });

    public async Task Branch(string dot, string name, string source = "master")
    {
        var commits = (JsonArray)(await Node.Rpc.Call("Commits", Triple(dot, source == "master" ? "" : source)))!;
        await Node.Rpc.Call(
            "Branch",
            new { Namespace = "admin", Name = Engine.Named(dot), SourceBranch = source, NewBranchName = name, SourceCommitId = (string)commits[^1]!["Id"]! });
    }

    /// <summary><c>dm checkout</c>.</summary>
    public Task Switch(string dot, string branch) =>
        Node.Rpc.Call("SwitchContainers", new { Namespace = "admin", Name = Engine.Named(dot), NewBranchName = branch == "master" ? "" : branch });

    public Task Rollback(string dot, string commit, string branch = "") =>
        Node.Rpc.Call("Rollback", new { Namespace = "admin", Name = Engine.Named(dot), Branch = branch, SnapshotId = commit });

    /// <summary>Names, as <c>dm list</c> shows them, without this spec's own part.</summary>
    public async Task<string> Listed(string dot)
    {
        var listed = (await Node.Rpc.Call("ListWithContainers"))!["admin"]?[Engine.Named(dot)]?["Containers"];
        return string.Join(',', ((JsonArray)listed!).Select(container => ((string)container!["Name"]!).Replace($"{Engine.Driver}-", "", StringComparison.Ordinal)));
    }

    public async Task<string> Refusal(string method, object parameters)
    {
        var refused = await Assert.ThrowsAsync<RpcErrorException>(() => Node.Rpc.Call(method, parameters));
        return refused.Text;
    }
}

public sealed class DockerNodeOnZfs : DockerNode
{
    private protected override bool OnZfs => true;
}
