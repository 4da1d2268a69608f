using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>Contract 2.3 but for lists, and Procure of 2.5.</summary>
internal static class DotMethods
{
    private static readonly Argument Subdot = Argument.Text("Subdot", "Subvolume");

    /// <summary>Procure of the older vocabulary has the name in an object.</summary>
    private static readonly Argument Volume = Argument.Object("Volume", Params.Namespace, Params.PlainName);

    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<bool>("DotmeshRPC.Create", "Makes a dot, controlled by this node.", WireJson.Default.Boolean, Create)
        {
            Arguments = Params.NamePair,
        },
        Deleting("Delete", null),
        Deleting("DeleteVolume", "DotmeshRPC.Delete"),
        new RpcMethod<string>(
            "DotmeshRPC.Exists", "The filesystem id of a branch, empty when it does not exist.", WireJson.Default.String, Exists)
        {
            Arguments = Params.NameTriple,
            Right = Right.Any,
        },
        new RpcMethod<string>(
            "DotmeshRPC.Lookup", "The filesystem id of a branch.", WireJson.Default.String, Lookup)
        {
            Arguments = Params.NameTriple,
            Right = Right.Any,
        },
        new RpcMethod<DotmeshVolume>(
            "DotmeshRPC.Get", "A filesystem by its id.", WireJson.Default.DotmeshVolume, Get)
        {
            Style = ParamsStyle.Text,
            Arguments = [Params.Bare],
            Right = Right.Use,
        },
        new RpcMethod<ImmutableArray<Container>>(
            "DotmeshRPC.Containers", "Running containers that use a branch.", WireJson.Default.ImmutableArrayContainer, Containers)
        {
            Arguments = Params.NameTriple,
            Right = Right.Use,
        },
        new RpcMethod<ImmutableArray<Container>>(
            "DotmeshRPC.ContainersById",
            "Running containers that use a filesystem.",
            WireJson.Default.ImmutableArrayContainer,
            ContainersById)
        {
            Style = ParamsStyle.Text,
            Arguments = [Params.Bare],
            Right = Right.Use,
        },
        new RpcMethod<string>(
            "DotmeshRPC.Procure",
            "Finds or makes a dot, mounts it on this node and answers the path of a subdot.",
            WireJson.Default.String,
            Procure)
        {
            Arguments = [Params.Namespace, Params.PlainName, Subdot, Volume],
            Access = Access.Admin,
        },
    ];

    private static RpcMethod<bool> Deleting(string name, string? olderNameOf) =>
        new($"DotmeshRPC.{name}", "Deletes a dot with all its branches.", WireJson.Default.Boolean, Delete)
        {
            Arguments = Params.NamePair,
            Right = Right.Own,
            Answered = Answered.Owner,
            OlderNameOf = olderNameOf,
        };

    private static async ValueTask<Outcome<bool>> Create(RpcCall call)
    {
        var name = call.Dot(Params.Namespace, Params.PlainName);
        return name.Refused(out var refusal)
            ? refusal
            : Params.True(await call.Dots.Create(call.Caller, name.Value, call.Deadline));
    }

    private static async ValueTask<Outcome<bool>> Delete(RpcCall call)
    {
        var name = call.Dot(Params.Namespace, Params.PlainName);
        return name.Refused(out var refusal)
            ? refusal
            : Params.True(await call.Dots.Delete(call.Caller, name.Value, call.Deadline));
    }

    private static ValueTask<Outcome<string>> Lookup(RpcCall call) =>
        Params.Now(Params.Target(call, Right.Any).Then(target => (Outcome<string>)target.Filesystem.Value));

    private static ValueTask<Outcome<string>> Exists(RpcCall call)
    {
        var target = Params.Target(call, Right.Any);
        return Params.Now(
            target.Refused(out var refusal) && refusal.Code == RefusalCode.NotFound
                ? ""
                : target.Then(found => (Outcome<string>)found.Filesystem.Value));
    }

    private static async ValueTask<Outcome<DotmeshVolume>> Get(RpcCall call)
    {
        var id = call.Text(Params.Bare);
        var target = call.Dots.Resolve(call.Caller, new FilesystemId(id), Right.Use);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        var views = await call.Dots.View([target.Value], call.Deadline);
        return views.Count == 0
            ? new Refusal(RefusalCode.NotFound, $"No known filesystem with id {id}")
            : DotmeshVolume.From(views[0]);
    }

    private static async ValueTask<Outcome<ImmutableArray<Container>>> Containers(RpcCall call)
    {
        var target = Params.Target(call, Right.Use);
        return target.Refused(out var refusal) ? refusal : await Containers(call, target.Value);
    }

    /// <summary>An unknown id has no containers (contract 2.3): no existence check, but the right on what exists.</summary>
    private static async ValueTask<Outcome<ImmutableArray<Container>>> ContainersById(RpcCall call)
    {
        var target = call.Dots.Resolve(call.Caller, new FilesystemId(call.Text(Params.Bare)), Right.Use);
        return target.Refused(out var refusal)
            ? refusal.Code == RefusalCode.NotFound ? ImmutableArray<Container>.Empty : refusal
            : await Containers(call, target.Value);
    }

    private static async ValueTask<Outcome<ImmutableArray<Container>>> Containers(RpcCall call, DotTarget target) =>
        Container.From(await call.Dots.Containers([target], call.Deadline));

    private static async ValueTask<Outcome<string>> Procure(RpcCall call)
    {
        var old = call.Arguments.Object(Volume);
        var @namespace = Preferred(call.Text(Params.Namespace), old?.Text(Params.Namespace));
        var parts = Preferred(call.Text(Params.PlainName), old?.Text(Params.PlainName)).Split('@');
        if (parts.Length > 2)
        {
            return new Refusal(RefusalCode.Invalid, $"invalid volume name: {string.Join('@', parts)}");
        }

        var branch = parts.Length == 2 && parts[1] != "master" ? parts[1] : "";
        var subdot = call.Text(Subdot);
        var name = Names.Dot(@namespace, parts[0]);
        if (name.Refused(out var invalid))
        {
            return invalid;
        }

        return (Names.CheckBranch(branch) ?? (subdot.Length == 0 ? null : Names.CheckSubdot(subdot))) is { } refusal
            ? refusal
            : await call.Dots.Procure(call.Caller, name.Value, branch, subdot, call.Deadline);
    }

    private static string Preferred(string newer, string? older) => newer.Length > 0 ? newer : older ?? "";
}
