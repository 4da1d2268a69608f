using System.Text.Json.Nodes;

namespace Dotmesh.Client;

/// <summary>Commits and branches (contract 2.4, 2.5).</summary>
public sealed partial class DotmeshClient
{
    /// <summary>Commits what is in a branch now; answers the commit's id.</summary>
    /// <param name="replicated">Answer only when the required copies have it.</param>
    public Task<string> Commit(
        DotName dot, string branch, string message, IReadOnlyDictionary<string, string> metadata, bool replicated, CancellationToken ct)
    {
        var parameters = Named(dot, branch);
        parameters["Message"] = message;
        var fields = new JsonObject();
        foreach (var (key, value) in metadata)
        {
            fields[key] = value;
        }

        parameters["Metadata"] = fields;
        if (replicated)
        {
            parameters["Durability"] = "replicated";
        }

        return Rpc("Commit", parameters, ClientJson.Default.String, ct);
    }

    /// <summary>Oldest first.</summary>
    public async Task<Commit[]> Commits(DotName dot, string branch, CancellationToken ct) =>
        await Rpc("Commits", Named(dot, branch), ClientJson.Default.CommitArray, ct) ?? [];

    /// <summary>
    /// Commit id -> bytes that all files of the branch held at that commit, for the commits that <see cref="Commits"/> lists. Original servers do
    /// not have the method.
    /// </summary>
    public async Task<Dictionary<string, long>> CommitSizes(DotName dot, string branch, CancellationToken ct) =>
        (await Rpc("CommitSizes", Named(dot, branch), ClientJson.Default.CommitSizeArray, ct) ?? [])
            .ToDictionary(size => size.Id, size => size.SizeBytes);

    /// <summary>Takes a branch back to a commit; uncommitted data and later commits are gone.</summary>
    public Task Rollback(DotName dot, string branch, string commit, CancellationToken ct)
    {
        var parameters = Named(dot, branch);
        parameters["SnapshotId"] = commit;
        return Rpc("Rollback", parameters, ct);
    }

    /// <summary>Names, without master.</summary>
    public async Task<string[]> Branches(DotName dot, CancellationToken ct) =>
        await Rpc("Branches", Named(dot), ClientJson.Default.StringArray, ct) ?? [];

    public Task CreateBranch(DotName dot, string source, string commit, string name, CancellationToken ct) => Rpc(
        "Branch",
        new JsonObject
        {
            ["Namespace"] = dot.Namespace,
            ["Name"] = dot.Name,
            // here, and only here, the master branch is called master (contract 2.0)
            ["SourceBranch"] = Wire(source) is { Length: > 0 } other ? other : MasterBranch,
            ["NewBranchName"] = name,
            ["SourceCommitId"] = commit,
        },
        ct);

    /// <summary>Containers of the node that is asked which mount the dot by its plain name get this branch.</summary>
    public Task SwitchContainers(DotName dot, string branch, CancellationToken ct) => Rpc(
        "SwitchContainers", new JsonObject { ["Namespace"] = dot.Namespace, ["Name"] = dot.Name, ["NewBranchName"] = Wire(branch) }, ct);

    /// <summary>The branches between the master branch and this one, with where each begins.</summary>
    public Task<BranchPath> Path(DotName dot, string branch, CancellationToken ct) => Rpc(
        "DeducePathToTopLevelFilesystem",
        new JsonObject { ["RemoteNamespace"] = dot.Namespace, ["RemoteFilesystemName"] = dot.Name, ["RemoteCloneName"] = Wire(branch) },
        ClientJson.Default.BranchPath,
        ct);

    /// <summary>The commits of a branch, and where it begins.</summary>
    public async Task<BranchHistory> History(DotBranch branch, CancellationToken ct)
    {
        var commits = Commits(branch.Name, branch.Branch, ct);
        var origin = branch.Branch.Length == 0 ? null : (await Path(branch.Name, branch.Branch, ct)).Branches?.LastOrDefault()?.Branch.Origin;
        return new BranchHistory(branch, await commits, origin);
    }

    /// <summary>Node id -> commits that it does not have yet. For admin.</summary>
    public async Task<Dictionary<string, string[]>> MissingCommits(DotName dot, string branch, CancellationToken ct) =>
        await Rpc("GetReplicationLatencyForBranch", Named(dot, branch), ClientJson.Default.CommitsByNode, ct) ?? [];
}
