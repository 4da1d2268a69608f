using Dotmesh.Specs.Support;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>What the users of a <see cref="Side"/> do, typed: the command line with a config file of its own, the nodes as remotes.</summary>
internal sealed class TypedWords(IReadOnlyList<NodeProcess> nodes)
{
    private readonly Dm _dm = new(Path.Combine(nodes[0].Setup.Folder, "typed", "config"));
    private readonly HashSet<string> _remotes = new(StringComparer.Ordinal);
    private (int Node, string Dot, string Branch) _current = (-1, "", "");

    public async Task Create(string name)
    {
        await Asked(0);
        await _dm.Says("init", name);
        _current = (0, name, "");
    }

    public async Task<string> Commit(string name, string message, string branch, int node)
    {
        await On(name, branch, node);
        return await _dm.Says("commit", "-m", message);
    }

    public async Task Rollback(string name, string commit)
    {
        await On(name, "", 0);
        await _dm.Says("reset", "--hard", commit);
    }

    /// <summary>The transfer's id. A pull is typed as a clone, which gets what is not there yet, too.</summary>
    public async Task<string> Begin(string direction, NodeProcess peer, string name, string remote, string branch, bool stash, int node)
    {
        await Asked(node);
        var there = await Remote(peer);
        string[] flags = stash ? ["--detach", "--stash-on-divergence"] : ["--detach"];
        string[] line = direction == "push"
            ? ["push", there, name, .. Branch(branch), "--remote-name", remote, .. flags]
            : ["clone", there, remote, .. Branch(branch), "--local-name", name, .. flags];
        var asked = await _dm.Run(line);
        return asked.ExitCode == 0 ? asked.Output : throw new RpcErrorException(asked.ExitCode, asked.Errors);
    }

    private static string[] Branch(string branch) => branch.Length == 0 ? [] : [branch];

    private async Task On(string name, string branch, int node)
    {
        if (_current == (node, name, branch))
        {
            return;
        }

        await Asked(node);
        await _dm.Says("switch", name);
        await _dm.Says("checkout", branch.Length == 0 ? "master" : branch);
        _current = (node, name, branch);
    }

    /// <summary>The node that the next words are for.</summary>
    private async Task Asked(int node)
    {
        await _dm.Says("remote", "switch", await Remote(nodes[node]));
        _current = (-1, "", "");
    }

    private async Task<string> Remote(NodeProcess node)
    {
        var name = $"at{node.Setup.ClientPort}-{string.Concat(node.Setup.Host.Where(char.IsAsciiDigit))}";
        if (_remotes.Add(name))
        {
            await _dm.Add(name, node);
        }

        return name;
    }
}
