using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;

namespace Dotmesh.Specs.EndToEnd.History;

/// <summary>A commit that a node acknowledged.</summary>
/// <param name="Written">A file with the commit's id as name and content was in the dot for sure, on the node that committed it.</param>
/// <param name="Replicated">Acknowledged with durability replicated.</param>
internal sealed record Acknowledged(string Id, bool Written, bool Replicated);

/// <summary>
/// The one user of one dot: writes, commits, moves, branches and rolls back through random nodes, and keeps what was acknowledged.
/// What ended in an error may have been done or not, and is only not held against the cluster.
/// </summary>
internal sealed class HistoryClient(NodeCluster cluster, string name, int seed)
{
    /// <summary>After it nothing begins any more that was asked for without an answer.</summary>
    public const int DeadlineSeconds = 6;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(12);

    private readonly Random _random = new(seed);
    private readonly Dictionary<string, int> _errors = new(StringComparer.Ordinal);
    private (int Node, string Path)? _mount;
    private int _commits;
    private bool _rollbackMayRun;

    public string Name => name;

    /// <summary>Of the master branch, in the order of acknowledgement, without what was rolled back.</summary>
    public List<Acknowledged> Line { get; } = [];

    /// <summary>Rolled back, or asked to be without an answer: may be there or not.</summary>
    public HashSet<string> Uncertain { get; } = [];

    /// <summary>Branches that were acknowledged.</summary>
    public HashSet<string> Branches { get; } = [];

    public int Calls { get; private set; }

    /// <summary>Every call that could change something, with its time and its answer.</summary>
    public List<string> Trace { get; } = [];

    public string Errors => string.Join("; ", _errors.OrderByDescending(pair => pair.Value).Select(pair => $"{pair.Value} x {pair.Key}"));

    public async Task Create()
    {
        // on a loaded machine it may need longer than a call: it is finished by the same call again
        await Patience.Holds(
            async () => await Call(0, "Create", new { Namespace = "admin", Name = name }) is not null || await Master(0) is not null ? this : null,
            TimeSpan.FromSeconds(60),
            () => $"{name} was not created: {Errors}");
        await Mount(_random.Next(cluster.Nodes.Count));
    }

    public async Task Run(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var node = _random.Next(cluster.Nodes.Count);
            await (_random.Next(20) switch
            {
                < 11 => Commit(node, replicated: false),
                < 14 => Commit(node, replicated: true),
                < 16 => Mount(node),
                16 => Rollback(node),
                17 => Branch(node),
                _ => Read(node),
            });
        }
    }

    private async Task Mount(int node)
    {
        _mount = null;
        if (await Call(node, "Procure", new { Namespace = "admin", Name = name, Subdot = "__default__" }) is { } path)
        {
            _mount = (node, (string)path!);
        }
    }

    private async Task Commit(int node, bool replicated)
    {
        var id = $"{name}-{++_commits:D5}";
        var before = await Master(node);
        var written = await Write(id);
        Uncertain.Add(id);
        var done = await Call(node, "Commit", new
        {
            Namespace = "admin",
            Name = name,
            Branch = "",
            Message = id,
            Metadata = new Dictionary<string, string> { ["#commit-id"] = id },
            Durability = replicated ? "replicated" : "local",
        });
        if (done is null)
        {
            return;
        }

        var mounted = _mount is { } mount && before is not null && before == await Id(mount.Node) && before == await Master(node);
        Uncertain.Remove(id);
        Line.Add(new Acknowledged(id, written && mounted && !_rollbackMayRun, replicated));
        _rollbackMayRun = false;
        Trace.Add($"    {id}: written {written}, mounted {mounted} ({_mount})");
    }

    private async Task<bool> Write(string id)
    {
        if (_mount is not { } mount)
        {
            return false;
        }

        try
        {
            await File.WriteAllTextAsync(Path.Combine(mount.Path, id), id);
            return true;
        }
        catch (Exception unmounted) when (unmounted is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private async Task Rollback(int node)
    {
        if (Line.Count < 3)
        {
            return;
        }

        var at = Line.Count - 1 - _random.Next(Math.Min(3, Line.Count - 1));
        var later = Line[(at + 1)..];
        Line.RemoveRange(at + 1, later.Count);
        Uncertain.UnionWith(later.Select(commit => commit.Id));
        if (await Call(node, "Rollback", new { Namespace = "admin", Name = name, Branch = "", SnapshotId = Line[at].Id }) is null)
        {
            // it may be on its way still, even in a frozen node, and what is written meanwhile would go with it
            _rollbackMayRun = true;
            using var pause = new PeriodicTimer(TimeSpan.FromSeconds(DeadlineSeconds));
            await pause.WaitForNextTickAsync();
        }
    }

    private async Task Branch(int node)
    {
        if (Line.Count == 0 || Branches.Count > 5)
        {
            return;
        }

        var branch = $"b{Calls}";
        var from = Line[^1].Id;
        if (await Call(node, "Branch", new { Namespace = "admin", Name = name, SourceBranch = "master", NewBranchName = branch, SourceCommitId = from }) is not null)
        {
            Branches.Add(branch);
        }
    }

    private Task Read(int node) => Call(node, "Commits", new { Namespace = "admin", Name = name, Branch = "" });

    private async Task<string?> Master(int node)
    {
        if (await Call(node, "Lookup", new { Namespace = "admin", Name = name, Branch = "" }) is not { } id)
        {
            return null;
        }

        return (string?)(await Call(node, "Get", (string)id!))?["Master"];
    }

    private async Task<string?> Id(int node) => (string?)(await Call(node, "DumpInternalState", "myNodeId"))?["myNodeId"];

    /// <summary>Null: an error, or no answer.</summary>
    private async Task<JsonNode?> Call(int node, string method, object? parameters)
    {
        Calls++;
        try
        {
            var answer = await cluster.Nodes[node].Rpc.Call(method, parameters).WaitAsync(Limit) ?? JsonValue.Create(true);
            Note(node, method, parameters, answer.ToJsonString());
            return answer;
        }
        catch (Exception failed) when (failed is RpcErrorException or HttpRequestException or TimeoutException or IOException or TaskCanceledException
            or ObjectDisposedException)
        {
            var text = failed is RpcErrorException refused ? refused.Text : failed.GetType().Name;
            Note(node, method, parameters, text);
            var kind = System.Text.RegularExpressions.Regex.Replace(text, "[0-9a-f-]{6,}|[0-9]+", "#", default, TimeSpan.FromSeconds(1));
            _errors[kind] = _errors.GetValueOrDefault(kind) + 1;
            using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
            await pause.WaitForNextTickAsync();
            return null;
        }
    }

    private void Note(int node, string method, object? parameters, string answer)
    {
        if (method is "Commit" or "Rollback" or "Branch" or "Procure")
        {
            Trace.Add($"{TimeProvider.System.GetLocalNow():HH:mm:ss.fff} node {node} {method} {parameters}: {answer}");
        }
    }
}
