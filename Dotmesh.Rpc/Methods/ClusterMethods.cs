using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>Which nodes control and hold dots.</summary>
internal static class ClusterMethods
{
    private const int MaxCopies = 1000;

    private static readonly Argument Master = Argument.Text("Master");
    private static readonly Argument Copies = Argument.Number("Copies");
    private static readonly Argument Node = Argument.Text("Node");

    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<bool>(
            "DotmeshRPC.ForceBranchMasterById",
            "Makes a node control the dot of a filesystem, whatever its node says; no Master means the node that is asked.",
            WireJson.Default.Boolean,
            ForceMaster)
        {
            Arguments = [Params.FilesystemId, Master],
            Access = Access.Admin,
            Right = Right.Admin,
        },
        new RpcMethod<bool>(
            "DotmeshRPC.SetReplication",
            "How many nodes hold the dot, the controlling one included; 0 is what the cluster's option says.",
            WireJson.Default.Boolean,
            SetReplication)
        {
            Arguments = [Params.Namespace, Params.PlainName, Copies],
            Right = Right.Own,
            Answered = Answered.Owner,
        },
        new RpcMethod<bool>(
            "DotmeshRPC.MoveDot",
            "Hands a dot over to a node, with what was not committed; refused while containers use it.",
            WireJson.Default.Boolean,
            Move)
        {
            Arguments = [Params.Namespace, Params.PlainName, Node],
            Access = Access.Admin,
            Right = Right.Admin,
            Answered = Answered.Owner,
        },
        new RpcMethod<ImmutableArray<WireNode>>(
            "DotmeshRPC.Nodes",
            "The nodes of the cluster, with what they hold.",
            WireJson.Default.ImmutableArrayWireNode,
            async call => (await call.Dots.DescribeNodes(call.Deadline)).Select(WireNode.From).ToImmutableArray())
        {
            Access = Access.Admin,
            Right = Right.Admin,
        },
        new RpcMethod<ImmutableArray<WireSetting>>(
            "DotmeshRPC.Settings",
            "The options of the node that is asked, as they took effect; secrets are masked.",
            WireJson.Default.ImmutableArrayWireSetting,
            static call => Params.Now<ImmutableArray<WireSetting>>(call.Services.Options))
        {
            Access = Access.Admin,
        },
        new RpcMethod<DrainReply>(
            "DotmeshRPC.DrainNode",
            "Hands the dots of a node over to the other nodes; what could not be handed over in time stays, and may be tried again.",
            WireJson.Default.DrainReply,
            Drain)
        {
            Arguments = [Node],
            Access = Access.Admin,
            Right = Right.Admin,
        },
    ];

    private static async ValueTask<Outcome<bool>> ForceMaster(RpcCall call)
    {
        var id = call.Text(Params.FilesystemId);
        if (id.Length == 0)
        {
            return new Refusal(RefusalCode.Invalid, "FilesystemId not set");
        }

        var master = call.Text(Master);
        return Params.True(await call.Dots.ForceMaster(
            call.Caller, new FilesystemId(id), master.Length == 0 ? null : new StorageNodeId(master), call.Deadline));
    }

    private static async ValueTask<Outcome<bool>> SetReplication(RpcCall call)
    {
        if (call.Arguments.Number(Copies) is not (>= 0 and <= MaxCopies) and var copies)
        {
            return new Refusal(RefusalCode.Invalid, $"Copies must be a number from 0 to {MaxCopies}, not {copies?.ToString() ?? "nothing"}");
        }

        var target = MasterBranch(call, Right.Own);
        return target.Refused(out var refusal)
            ? refusal
            : Params.True(await call.Dots.SetReplication(call.Caller, target.Value, (int)call.Arguments.Number(Copies)!, call.Deadline));
    }

    private static async ValueTask<Outcome<bool>> Move(RpcCall call)
    {
        var node = call.Text(Node);
        if (node.Length == 0)
        {
            return NoNode();
        }

        var target = MasterBranch(call, Right.Admin);
        return target.Refused(out var refusal)
            ? refusal
            : Params.True(await call.Dots.Move(call.Caller, target.Value, new StorageNodeId(node), call.Deadline));
    }

    private static Outcome<DotTarget> MasterBranch(RpcCall call, Right right)
    {
        var name = call.Dot(Params.Namespace, Params.PlainName);
        return name.Refused(out var refusal) ? refusal : call.Dots.Resolve(call.Caller, name.Value, "", right);
    }

    private static Refusal NoNode() => new(RefusalCode.Invalid, "Node not set: Nodes lists the nodes of the cluster");

    private static async ValueTask<Outcome<DrainReply>> Drain(RpcCall call)
    {
        var node = call.Text(Node);
        if (node.Length == 0)
        {
            return NoNode();
        }

        var drained = await call.Dots.Drain(call.Caller, new StorageNodeId(node), call.Deadline);
        return drained.Then(found => (Outcome<DrainReply>)new DrainReply(found.Moved, found.Left, found.Reasons));
    }
}
