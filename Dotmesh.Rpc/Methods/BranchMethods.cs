using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Gateway;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>Contract 2.5.</summary>
internal static class BranchMethods
{
    private static readonly Argument DotName = Argument.Text("Name", "Volume");
    private static readonly Argument SourceBranch = Argument.Text("SourceBranch");
    private static readonly Argument NewBranchName = Argument.Text("NewBranchName");
    private static readonly Argument SwitchTo = Argument.Text("NewBranchName", "NewCloneName");
    private static readonly Argument SourceCommitId = Argument.Text("SourceCommitId", "SourceSnapshotId");

    public static RpcMethod[] All { get; } =
    [
        Listing("Branches", null),
        Listing("Clones", "DotmeshRPC.Branches"),
        Branching("Branch", null),
        Branching("Clone", "DotmeshRPC.Branch"),
        new RpcMethod<bool>(
            "DotmeshRPC.SwitchContainers",
            "Containers on this node that mount a dot by its plain name get another branch of it: they are stopped and started again.",
            WireJson.Default.Boolean,
            Switch)
        {
            Arguments = [Params.Namespace, Params.Name, SwitchTo],
            Access = Access.Admin,
        },
    ];

    private static RpcMethod<ImmutableArray<string>> Listing(string name, string? olderNameOf) => new(
        $"DotmeshRPC.{name}", "The names of a dot's branches, without master.", WireJson.Default.ImmutableArrayString, List)
    {
        Arguments = Params.NamePair,
        Right = Right.Use,
        OlderNameOf = olderNameOf,
    };

    private static RpcMethod<bool> Branching(string name, string? olderNameOf) => Params.OnDot(
        name,
        "Makes a branch that starts at a commit of another.",
        WireJson.Default.Boolean,
        Branch,
        [Params.Namespace, DotName, SourceBranch, NewBranchName, SourceCommitId],
        olderNameOf: olderNameOf);

    private static ValueTask<Outcome<ImmutableArray<string>>> List(RpcCall call)
    {
        var name = call.Dot(Params.Namespace, Params.PlainName);
        if (name.Refused(out var invalid))
        {
            return Params.Now<ImmutableArray<string>>(invalid);
        }

        var master = call.Dots.Resolve(call.Caller, name.Value, "", Right.Use);
        return Params.Now<ImmutableArray<string>>(
            master.Refused(out var refusal)
                ? refusal.Code == RefusalCode.NotFound ? refusal with { Message = "No such top-level filesystem" } : refusal
                : (Outcome<ImmutableArray<string>>)master.Value.Dot.Branches.Keys.Order(StringComparer.Ordinal).ToImmutableArray());
    }

    private static async ValueTask<Outcome<bool>> Switch(RpcCall call)
    {
        var (name, branch) = (call.Dot(Params.Namespace, Params.Name), call.Text(SwitchTo));
        return (name.Refusal ?? Names.CheckBranch(branch)) is { } refusal
            ? refusal
            : Params.True(await call.Dots.Switch(call.Caller, name.Value, branch, call.Deadline));
    }

    private static async ValueTask<Outcome<bool>> Branch(RpcCall call)
    {
        var name = call.Dot(Params.Namespace, DotName);
        if (name.Refused(out var invalid))
        {
            return invalid;
        }

        var (source, created, commit) = (call.Text(SourceBranch), call.Text(NewBranchName), call.Text(SourceCommitId));
        if (Check(source, created, commit) is { } bad)
        {
            return bad;
        }

        var target = call.Dots.Resolve(call.Caller, name.Value, source == "master" ? "" : source, Right.Use);
        return target.Refused(out var refusal)
            ? refusal
            : Params.True(await call.Dots.Branch(call.Caller, target.Value, created, new CommitId(commit), call.Deadline));
    }

    /// <summary>Here, and only here, the master branch is called master; an empty source is refused (contract 2.0).</summary>
    private static Refusal? Check(string source, string created, string commit)
    {
        if (source.Length == 0)
        {
            return new Refusal(RefusalCode.Invalid, "source branch cannot be empty; the master branch is called master here");
        }

        return Names.CheckBranch(source)
            ?? (created.Length == 0 ? new Refusal(RefusalCode.Invalid, "branch cannot be empty") : Names.CheckBranch(created))
            ?? Names.CheckCommit(commit);
    }
}
