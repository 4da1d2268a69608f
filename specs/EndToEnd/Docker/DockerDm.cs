using Dotmesh.Specs.Support;

namespace Dotmesh.Specs.EndToEnd.Docker;

/// <summary>What people do to dots that containers use, with the command line as a program.</summary>
public sealed class DockerDm(DockerNode node)
{
    private Dm Dm => Dm.Of(node.Node);

    public Task<string> Commit(string dot) => On(dot, "commit", "-m", "a message");

    public Task Checkout(string dot, string branch) => On(dot, "checkout", branch);

    public Task CheckoutNew(string dot, string branch) => On(dot, "checkout", "-b", branch);

    public Task Reset(string dot, string reference) => On(dot, "reset", "--hard", reference);

    public Task Delete(string dot) => Dm.Says("dot", "delete", "-f", node.Engine.Named(dot));

    /// <summary>The column of containers, without this spec's own part of the names.</summary>
    public async Task<string> Containers(string dot)
    {
        var row = (await Dm.Says("list", "-H")).Split('\n').Select(line => line.Split('\t')).Single(cells => cells[0] == node.Engine.Named(dot));
        return row[3].Replace($"{node.Engine.Driver}-", "", StringComparison.Ordinal);
    }

    private async Task<string> On(string dot, params string[] words)
    {
        await Dm.Says("switch", node.Engine.Named(dot));
        return await Dm.Says(words);
    }
}
