using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.History;

/// <summary>Compares what a client was told with what is there.</summary>
internal sealed class HistoryCheck(NodeCluster cluster, HistoryClient client)
{
    /// <summary>Commits whose files are looked at, for each branch.</summary>
    private const int Mounted = 8;

    public async Task Run()
    {
        var branches = ((JsonArray)await Ask("Branches", new { Namespace = "admin", client.Name }))
            .Select(branch => (string)branch!).ToList();
        var lines = new Dictionary<string, List<string>>(StringComparer.Ordinal) { [""] = await Commits("") };
        foreach (var branch in branches)
        {
            lines[branch] = await Commits(branch);
        }

        Everything(lines);
        InOrder(lines);
        Assert.Superset(client.Branches, branches.ToHashSet(StringComparer.Ordinal));
        await OnAllNodes(lines);
        await Files(lines[""], "");
        foreach (var (branch, line) in lines.Where(line => line.Key.Contains("-DIVERGED-", StringComparison.Ordinal)))
        {
            await Files(line, branch);
        }
    }

    private void Everything(Dictionary<string, List<string>> lines)
    {
        var found = lines.Where(line => line.Key.Length == 0 || line.Key.Contains("-DIVERGED-", StringComparison.Ordinal)
            || !client.Branches.Contains(line.Key)).SelectMany(line => line.Value).ToHashSet(StringComparer.Ordinal);
        var lost = client.Line.Where(commit => !found.Contains(commit.Id)).ToList();
        Assert.True(lost.Count == 0, $"{client.Name} lost acknowledged commits: {string.Join(", ", lost)}\n{Shape(lines)}");
        var master = lines[""].ToHashSet(StringComparer.Ordinal);
        Assert.True(
            client.Line.All(commit => !commit.Replicated || master.Contains(commit.Id)),
            $"{client.Name}: a replicated commit is not in its branch: {string.Join(", ", client.Line.Where(commit => commit.Replicated && !master.Contains(commit.Id)))}\n{Shape(lines)}");
    }

    /// <summary>One line for each branch, in the order of acknowledgement.</summary>
    private void InOrder(Dictionary<string, List<string>> lines)
    {
        var order = client.Line.Select((commit, at) => (commit.Id, At: at)).ToDictionary(commit => commit.Id, commit => commit.At);
        foreach (var (branch, line) in lines)
        {
            Assert.Equal(line.Count, line.Distinct(StringComparer.Ordinal).Count());
            var known = line.Where(order.ContainsKey).Select(id => order[id]).ToList();
            Assert.True(known.SequenceEqual(known.Order()), $"{client.Name}@{branch} is not in order: {string.Join(' ', line)}");
        }
    }

    private async Task OnAllNodes(Dictionary<string, List<string>> lines)
    {
        foreach (var node in cluster.Nodes)
        {
            foreach (var (branch, line) in lines)
            {
                Assert.Equal(line, await Commits(branch, node));
            }
        }
    }

    /// <summary>A commit has the file that was written before it, and those of the acknowledged commits before it.</summary>
    private async Task Files(List<string> line, string branch)
    {
        var written = client.Line.Where(commit => commit.Written).Select(commit => commit.Id).ToHashSet(StringComparer.Ordinal);
        var filesystem = (string)(await Ask("Lookup", new { Namespace = "admin", client.Name, Branch = branch }))!;
        foreach (var id in line.Where(written.Contains).TakeLast(Mounted))
        {
            var path = (string)(await Ask("MountCommit", new { FilesystemId = filesystem, CommitId = id }))!;
            foreach (var earlier in line.TakeWhile(other => other != id).Where(written.Contains).Append(id))
            {
                var file = Path.Combine(path, "__default__", earlier);
                Assert.True(
                    File.Exists(file),
                    File.Exists(file) ? "" : $"{client.Name}@{branch}, commit {id} lacks the file of {earlier}, which is in {await Having(filesystem, line, earlier)}");
                Assert.Equal(earlier, await File.ReadAllTextAsync(file));
            }
        }
    }

    private async Task<string> Having(string filesystem, List<string> line, string earlier)
    {
        var having = new List<string>();
        foreach (var id in line)
        {
            var path = (string)(await Ask("MountCommit", new { FilesystemId = filesystem, CommitId = id }))!;
            if (File.Exists(Path.Combine(path, "__default__", earlier)))
            {
                having.Add(id);
            }
        }

        return $"{string.Join(' ', having)} of {string.Join(' ', line)}";
    }

    private async Task<List<string>> Commits(string branch, NodeProcess? through = null) =>
        [.. ((JsonArray)await Ask("Commits", new { Namespace = "admin", client.Name, Branch = branch }, through)).Select(commit => (string)commit!["Id"]!)];

    private Task<JsonNode> Ask(string method, object parameters, NodeProcess? through = null) =>
        (through ?? cluster.Nodes[0]).Rpc.CallAgain(method, parameters);

    private static string Shape(Dictionary<string, List<string>> lines) =>
        string.Join('\n', lines.Select(line => $"  {line.Key}: {string.Join(' ', line.Value)}"));
}
