using System.Text.Json.Nodes;

namespace Dotmesh.Client;

/// <summary>Dots, and who uses and shares them (contract 2.3).</summary>
public sealed partial class DotmeshClient
{
    /// <summary>What the caller may read, by name.</summary>
    public async Task<IReadOnlyList<DotListing>> ListWithContainers(CancellationToken ct) =>
        ByName(await Rpc("ListWithContainers", null, ClientJson.Default.ListingsByName, ct), listing => listing.Volume.Name);

    /// <summary>The same without containers.</summary>
    public async Task<IReadOnlyList<DotBranch>> List(CancellationToken ct) =>
        ByName(await Rpc("List", null, ClientJson.Default.MastersByName, ct), branch => branch.Name);

    /// <summary>All dots with branches, owners and collaborators, and the servers.</summary>
    public Task<DotsAndServers> AllDots(CancellationToken ct) => Rpc("AllDotsAndBranches", null, ClientJson.Default.DotsAndServers, ct);

    public Task Create(DotName dot, CancellationToken ct) => Rpc("Create", Named(dot), ct);

    public Task Delete(DotName dot, CancellationToken ct) => Rpc("Delete", Named(dot), ct);

    /// <summary>The id of a branch; fails as <see cref="FailureKind.NotFound"/>.</summary>
    /// <param name="branch">Empty or <c>master</c>: the master branch; likewise wherever a branch is given.</param>
    public Task<string> Lookup(DotName dot, string branch, CancellationToken ct) =>
        Rpc("Lookup", Named(dot, branch), ClientJson.Default.String, ct);

    public Task<DotBranch> Get(string filesystemId, CancellationToken ct) => Rpc("Get", filesystemId, ClientJson.Default.DotBranch, ct);

    /// <summary>Running ones that use a branch.</summary>
    public async Task<Container[]> Containers(DotName dot, string branch, CancellationToken ct) =>
        await Rpc("Containers", Named(dot, branch), ClientJson.Default.ContainerArray, ct) ?? [];

    /// <summary>Finds or makes a dot, mounts it on the node that is asked, answers the path of a subdot there.</summary>
    public Task<string> Procure(DotName dot, string branch, string subdot, CancellationToken ct)
    {
        var name = Wire(branch) is { Length: > 0 } other ? $"{dot.Name}@{other}" : dot.Name;
        return Rpc(
            "Procure", new JsonObject { ["Namespace"] = dot.Namespace, ["Name"] = name, ["Subdot"] = subdot }, ClientJson.Default.String, ct);
    }

    /// <summary>What happened to a dot, newest first.</summary>
    /// <param name="before">Only what has a smaller <see cref="LogEntry.Sequence"/>; 0: from the newest on.</param>
    public async Task<LogEntry[]> History(DotName dot, long before, int most, CancellationToken ct)
    {
        var parameters = Named(dot);
        (parameters["Before"], parameters["Limit"]) = (before, most);
        return await Rpc("History", parameters, ClientJson.Default.LogEntryArray, ct) ?? [];
    }

    /// <summary>What happened lately to the dots that the caller may use, newest first; it does not reach back for ever.</summary>
    /// <param name="kind"><see cref="LogEntry.Event"/>; empty: all.</param>
    /// <param name="before">Only what has a smaller <see cref="LogEntry.Sequence"/>; 0: from the newest on.</param>
    public async Task<LogEntry[]> Activity(string kind, long before, int most, CancellationToken ct) => await Rpc(
        "Activity", new JsonObject { ["Event"] = kind, ["Before"] = before, ["Limit"] = most }, ClientJson.Default.LogEntryArray, ct) ?? [];

    /// <summary>Mounts a commit read-only on the node that controls the dot; answers the path there.</summary>
    public Task<string> MountCommit(string filesystemId, string commit, CancellationToken ct) =>
        Rpc("MountCommit", new JsonObject { ["FilesystemId"] = filesystemId, ["CommitId"] = commit }, ClientJson.Default.String, ct);

    /// <param name="user">Name, e-mail or id.</param>
    public Task AddCollaborator(string masterId, string user, CancellationToken ct) =>
        Rpc("AddCollaborator", new JsonObject { ["MasterBranchID"] = masterId, ["Collaborator"] = user }, ct);

    public Task RemoveCollaborator(string masterId, string user, CancellationToken ct) =>
        Rpc("RemoveCollaborator", new JsonObject { ["MasterBranchID"] = masterId, ["Collaborator"] = user }, ct);

    private static JsonObject Named(DotName dot) => new() { ["Namespace"] = dot.Namespace, ["Name"] = dot.Name };

    private static JsonObject Named(DotName dot, string branch) =>
        new() { ["Namespace"] = dot.Namespace, ["Name"] = dot.Name, ["Branch"] = Wire(branch) };

    /// <summary>The master branch has no name on the wire.</summary>
    private static string Wire(string branch) => branch == MasterBranch ? "" : branch;

    private static List<T> ByName<T>(Dictionary<string, Dictionary<string, T>>? found, Func<T, DotName> name) =>
        found is null ? [] : [.. found.Values.SelectMany(names => names.Values).OrderBy(item => name(item).Short, StringComparer.Ordinal)];
}
