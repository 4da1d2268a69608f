using System.Text.Json;

namespace Dotmesh.Specs.Support;

/// <summary>A user of a node, with one-line words for what clients do by HTTP. Dots are named <c>namespace/name</c>.</summary>
internal sealed class RpcUser(RpcHost host, string name, string secret)
{
    public string Name => name;

    public Task<JsonElement> Result(string method, object? parameters = null) => host.Result(method, parameters, name, secret);

    /// <summary>The text of the error; fails when the call is not refused.</summary>
    public Task<string> Error(string method, object? parameters = null) => host.Error(method, parameters, name, secret);

    public async Task<string> Text(string method, object? parameters = null) => (await Result(method, parameters)).GetString()!;

    public Task Init(string dot) => Result("Create", Dot(dot));

    public Task Delete(string dot) => Result("Delete", Dot(dot));

    public Task<string> Commit(string dot, string message = "a message", string branch = "", object? metadata = null)
    {
        var (space, plain) = Parts(dot);
        return Text("Commit", new { Namespace = space, Name = plain, Branch = branch, Message = message, Metadata = metadata });
    }

    public async Task Branch(string dot, string source, string created, string commit)
    {
        var (space, plain) = Parts(dot);
        await Result(
            "Branch",
            new { Namespace = space, Name = plain, SourceBranch = source, NewBranchName = created, SourceCommitId = commit });
    }

    public async Task Rollback(string dot, string commit)
    {
        var (space, plain) = Parts(dot);
        await Result("Rollback", new { Namespace = space, Name = plain, Branch = "", SnapshotId = commit });
    }

    public async Task<IReadOnlyList<JsonElement>> Commits(string dot, string branch = "") =>
        [.. (await Result("Commits", Triple(dot, branch))).EnumerateArray()];

    /// <summary>Bytes of all files at each commit, oldest first.</summary>
    public async Task<IReadOnlyList<(string Id, long Bytes)>> Sizes(string dot, string branch = "") =>
        [.. (await Result("CommitSizes", Triple(dot, branch))).EnumerateArray()
            .Select(size => (size.GetProperty("Id").GetString()!, size.GetProperty("SizeBytes").GetInt64()))];

    /// <summary>The messages of the commits, oldest first: what <c>dm log</c> shows.</summary>
    public async Task<IReadOnlyList<string>> Log(string dot, string branch = "") =>
        [.. (await Commits(dot, branch)).Select(commit => Metadata(commit, "message"))];

    public Task<string> Lookup(string dot, string branch = "") => Text("Lookup", Triple(dot, branch));

    /// <summary>The path of a subdot, <c>dot@branch</c> pins a branch. For admin.</summary>
    public Task<string> Procure(string dot, string subdot = "__default__")
    {
        var (space, plain) = Parts(dot);
        return Text("Procure", new { Namespace = space, Name = plain, Subdot = subdot });
    }

    /// <summary>The dot's entry in List; null when it is not listed.</summary>
    public async Task<JsonElement?> Listed(string dot)
    {
        var (space, plain) = Parts(dot);
        return (await Result("List")).TryGetProperty(space, out var names) && names.TryGetProperty(plain, out var entry)
            ? entry
            : null;
    }

    /// <summary>The dot's entry in AllDotsAndBranches.</summary>
    public async Task<JsonElement> Shown(string dot)
    {
        var id = await Lookup(dot);
        return (await Result("AllDotsAndBranches")).GetProperty("Dots").EnumerateArray()
            .Single(entry => entry.GetProperty("MasterBranch").GetProperty("Id").GetString() == id);
    }

    public static string Metadata(JsonElement commit, string key) =>
        commit.GetProperty("Metadata").GetProperty(key).GetString()!;

    public static object Dot(string dot)
    {
        var (space, plain) = Parts(dot);
        return new { Namespace = space, Name = plain };
    }

    public static object Triple(string dot, string branch = "")
    {
        var (space, plain) = Parts(dot);
        return new { Namespace = space, Name = plain, Branch = branch };
    }

    private static (string Namespace, string Name) Parts(string dot) =>
        dot.Split('/') is [var space, var plain] ? (space, plain) : throw new ArgumentException(dot, nameof(dot));
}
