using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>A spec on three nodes that each of its facts has to itself, and what such facts ask them.</summary>
public abstract class ThreeNodes : IAsyncLifetime
{
    private NodeCluster? _cluster;

    protected NodeCluster Cluster => _cluster!;

    /// <summary>Of all nodes, for whoever reads why a condition did not come true.</summary>
    protected string Logs => string.Join("\n=====\n", Cluster.Nodes.Select(node => node.Log));

    public async Task InitializeAsync() => _cluster = await Start();

    public async Task DisposeAsync()
    {
        // none when a lane is off
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }

    protected abstract Task<NodeCluster> Start();

    protected RpcClient Rpc(int node) => Cluster.Nodes[node].Rpc;

    /// <summary>Of admin's dot <c>data</c>.</summary>
    protected async Task<string?> Master(int node) => (string?)(await Rpc(node).Call("List"))!["admin"]!["data"]!["Master"];

    /// <summary>Of the commits of a branch of that dot, as a node tells them.</summary>
    protected async Task<IEnumerable<string?>> Messages(int node, string branch) =>
        ((JsonArray)(await Rpc(node).Call("Commits", new { Namespace = "admin", Name = "data", Branch = branch }))!)
        .Select(commit => (string?)commit!["Metadata"]!["message"]);

    /// <summary>The files of that dot, mounted on a node, which controls it from then on.</summary>
    protected Task<string> Procured(int node) =>
        Rpc(node).Text("Procure", new { Namespace = "admin", Name = "data", Subdot = "__default__" });

    /// <summary>The same, asked until it is there: a request that ends before the copy leaves the dot where it is, and the copy goes on.</summary>
    protected Task<string> Moved(int node)
    {
        var last = "";
        return Patience.Holds(
            async () =>
            {
                try
                {
                    return await Procured(node);
                }
                catch (RpcErrorException notYet)
                {
                    last = notYet.Text;
                    return null;
                }
            },
            TimeSpan.FromMinutes(5),
            () => $"the dot did not come to node {node}: {last}\n{Logs}");
    }

    protected Task Until(Func<Task<bool>> condition, Func<string> otherwise) => Patience.Holds(
        async () => await condition() ? this : null, TimeSpan.FromSeconds(60), () => $"{otherwise()}\n{Logs}");

    /// <summary>Through a node, to one of admin's dots.</summary>
    protected Task<string> CommitTo(string name, int node) =>
        Rpc(node).Text("Commit", new { Namespace = "admin", Name = name, Branch = "", Message = "more" });

    /// <summary>Waits until a node takes a commit of one of admin's dots.</summary>
    protected async Task Taken(int node, string name)
    {
        var last = "";
        await Until(
            async () =>
            {
                try
                {
                    await CommitTo(name, node);
                    return true;
                }
                catch (Exception notYet) when (notYet is RpcErrorException or HttpRequestException)
                {
                    last = notYet.Message;
                    return false;
                }
            },
            () => $"node {node} took no commit: {last}");
    }

    /// <summary>
    /// Waits until these nodes know the branch of <c>data</c> that was handed in. Who reads of it on one node has waited for nobody: another one may
    /// hear of it a moment later.
    /// </summary>
    protected async Task<string> Diverged(params int[] nodes)
    {
        var found = "";
        foreach (var node in nodes)
        {
            await Until(
                async () =>
                {
                    found = (await Branches(node)).FirstOrDefault(branch => branch.Contains("-DIVERGED-", StringComparison.Ordinal)) ?? "";
                    return found.Length > 0;
                },
                () => $"nothing was handed in, as node {node} has it");
        }

        return found;
    }

    /// <summary>None while the node does not answer: who was replaced begins anew.</summary>
    private async Task<IEnumerable<string>> Branches(int node)
    {
        try
        {
            return ((JsonArray)(await Rpc(node).Call("Branches", new { Namespace = "admin", Name = "data" }))!).Select(branch => (string)branch!);
        }
        catch (Exception notYet) when (notYet is RpcErrorException or HttpRequestException)
        {
            return [];
        }
    }
}
