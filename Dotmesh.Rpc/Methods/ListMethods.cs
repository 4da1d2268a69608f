using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Users;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;
using Volumes = System.Collections.Generic.SortedDictionary<
    string, System.Collections.Generic.SortedDictionary<string, Dotmesh.Rpc.Wire.DotmeshVolume>>;
using VolumesAndContainers = System.Collections.Generic.SortedDictionary<
    string, System.Collections.Generic.SortedDictionary<string, Dotmesh.Rpc.Wire.VolumeWithContainers>>;

namespace Dotmesh.Rpc.Methods;

/// <summary>Lists of what the caller may read (contract 2.3, 3.5).</summary>
internal static class ListMethods
{
    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<Volumes>(
            "DotmeshRPC.List", "Master branches by namespace and name.", WireJson.Default.VolumesByName, List)
        {
            Right = Right.Use,
        },
        new RpcMethod<VolumesAndContainers>(
            "DotmeshRPC.ListWithContainers",
            "Master branches with the containers that use them, by namespace and name.",
            WireJson.Default.VolumesWithContainersByName,
            ListWithContainers)
        {
            Right = Right.Use,
        },
        new RpcMethod<DotsAndBranches>(
            "DotmeshRPC.AllDotsAndBranches",
            "All dots with branches, owners and collaborators, and the servers.",
            WireJson.Default.DotsAndBranches,
            AllDots)
        {
            Right = Right.Use,
        },
        new RpcMethod<VolumesAndClones>(
            "DotmeshRPC.AllVolumesAndClones",
            "The same in the older vocabulary.",
            WireJson.Default.VolumesAndClones,
            AllVolumes)
        {
            Right = Right.Use,
            OlderNameOf = "DotmeshRPC.AllDotsAndBranches",
        },
    ];

    private static async ValueTask<Outcome<Volumes>> List(RpcCall call) =>
        ByName(await Masters(call), DotmeshVolume.From);

    private static async ValueTask<Outcome<VolumesAndContainers>> ListWithContainers(RpcCall call) =>
        ByName(await Masters(call), view => new VolumeWithContainers(DotmeshVolume.From(view), Container.From(view.Containers)));

    private static Task<IReadOnlyList<DotView>> Masters(RpcCall call) => call.Dots.View(
        [.. call.Dots.Visible(call.Caller).Select(dot => dot.Master())], call.Deadline);

    private static SortedDictionary<string, SortedDictionary<string, T>> ByName<T>(
        IReadOnlyList<DotView> views, Func<DotView, T> make)
    {
        var namespaces = new SortedDictionary<string, SortedDictionary<string, T>>(StringComparer.Ordinal);
        foreach (var view in views)
        {
            var (@namespace, name) = (view.Target.Dot.Name.Namespace, view.Target.Dot.Name.Name);
            if (!namespaces.TryGetValue(@namespace, out var names))
            {
                namespaces[@namespace] = names = new SortedDictionary<string, T>(StringComparer.Ordinal);
            }

            names[name] = make(view);
        }

        return namespaces;
    }

    private static async ValueTask<Outcome<DotsAndBranches>> AllDots(RpcCall call) =>
        new DotsAndBranches(await Dots(call), Servers(call));

    private static async ValueTask<Outcome<VolumesAndClones>> AllVolumes(RpcCall call) => new VolumesAndClones(
        [.. (await Dots(call)).Select(
            dot => new TopLevelVolume(dot.MasterBranch, dot.OtherBranches, dot.Owner, dot.Collaborators))],
        Servers(call));

    private static async Task<ImmutableArray<TopLevelFilesystem>> Dots(RpcCall call)
    {
        var rows = call.Dots.Visible(call.Caller).OrderBy(dot => dot.Id.Value, StringComparer.Ordinal).ToList();
        var views = (await call.Dots.View([.. rows.SelectMany(dot => dot.Targets())], call.Deadline))
            .ToDictionary(view => view.Target.Filesystem, DotmeshVolume.From);

        return [.. rows.Where(dot => views.ContainsKey(dot.Id)).Select(dot => TopLevel(call.Users, dot, views))];
    }

    private static TopLevelFilesystem TopLevel(
        IUsers users, DotRow dot, Dictionary<FilesystemId, DotmeshVolume> views) => new(
        views[dot.Id],
        dot.Branches.IsEmpty
            ? null
            : [.. dot.Branches.Values.Where(branch => views.ContainsKey(branch.Id)).Select(branch => views[branch.Id])],
        UserOf(users, dot.OwnerId, dot.OwnerName),
        [.. dot.Collaborators.Select(user => UserOf(users, user.Key, user.Value))],
        "",
        "");

    /// <summary>A user who is not known any more (rebuilt directory) is shown by what the dot remembers.</summary>
    private static SafeUser UserOf(IUsers users, string id, string name) =>
        SafeUser.From(users.FindById(id) ?? new User(id, name, "", null));

    private static ImmutableArray<Server> Servers(RpcCall call) =>
    [
        .. call.Dots.Nodes
            .OrderBy(node => node.Addresses.FirstOrDefault() ?? "", StringComparer.Ordinal)
            .Select(node => new Server(node.Id.Value, node.Addresses)),
    ];
}
