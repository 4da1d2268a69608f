using System.Text.Json.Nodes;
using Dotmesh.Specs.EndToEnd.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Cli;

/// <summary>A spec of the command line on a node of its own.</summary>
public abstract class OneClusterSpec : IAsyncLifetime
{
    private readonly ScratchFolder _folder = new();
    private NodeProcess? _node;

    private protected Side Cluster { get; private set; } = null!;

    private protected Support.Dm Dm { get; private set; } = null!;

    private protected NodeProcess Node => _node!;

    /// <summary>For files of the spec.</summary>
    private protected string Folder => _folder.Path;

    public async Task InitializeAsync()
    {
        _node = await NodeProcess.Start(new NodeSetup(Path.Combine(_folder.Path, "node")));
        Cluster = new Side([_node]);
        Dm = Support.Dm.Of(_node);
    }

    public async Task DisposeAsync()
    {
        if (_node is { } node)
        {
            await node.DisposeAsync();
        }

        _folder.Dispose();
    }

    /// <summary>The node's id by a name.</summary>
    private protected static string WithNode(string text) => Support.Dm.Golden(text).Replace("<node1>", "<node>", StringComparison.Ordinal);

    private protected JsonNode Config() => JsonNode.Parse(File.ReadAllText(Dm.Config))!;
}
