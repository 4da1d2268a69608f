using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Rpc.JsonRpc;

namespace Dotmesh.Rpc.Methods;

/// <summary>Parameters that several methods share, in both vocabularies (contract 0.1, 2.0).</summary>
internal static class Params
{
    public static readonly Argument Namespace = Argument.Text("Namespace");
    public static readonly Argument Name = Argument.Text("Name", "TopLevelFilesystemName");

    /// <summary>Name of a dot in methods whose older form had it as <c>Name</c> too.</summary>
    public static readonly Argument PlainName = Argument.Text("Name");

    public static readonly Argument Branch = Argument.Text("Branch", "CloneName");
    public static readonly Argument FilesystemId = Argument.Text("FilesystemId");
    public static readonly Argument SnapshotId = Argument.Text("SnapshotId");

    /// <summary>The bare string of methods in <see cref="ParamsStyle.Text"/>.</summary>
    public static readonly Argument Bare = Argument.Text("id");

    public static readonly Argument[] None = [];
    public static readonly Argument[] NameTriple = [Namespace, Name, Branch];
    public static readonly Argument[] NamePair = [Namespace, PlainName];

    /// <summary>A method that the dot's controlling node answers to whoever may use the dot.</summary>
    public static RpcMethod<T> OnDot<T>(
        string name,
        string summary,
        JsonTypeInfo<T> type,
        Func<RpcCall, ValueTask<Outcome<T>>> handler,
        Argument[] arguments,
        Access access = Access.Any,
        string? olderNameOf = null) =>
        new($"DotmeshRPC.{name}", summary, type, handler)
        {
            Arguments = arguments,
            Access = access,
            Right = Right.Use,
            Answered = Answered.Owner,
            OlderNameOf = olderNameOf,
        };

    /// <summary>Namespace, name, branch are checked in this order before anything is looked up (contract 4.1).</summary>
    public static Outcome<DotTarget> Target(RpcCall call, Right right)
    {
        var name = call.Dot(Namespace, Name);
        if (name.Refused(out var refusal))
        {
            return refusal;
        }

        var branch = call.Text(Branch);
        return Names.CheckBranch(branch) ?? call.Dots.Resolve(call.Caller, name.Value, branch, right);
    }

    public static ValueTask<Outcome<T>> Now<T>(Outcome<T> outcome) => ValueTask.FromResult(outcome);

    public static Outcome<bool> True<T>(Outcome<T> outcome) => outcome.Then(_ => (Outcome<bool>)true);
}
