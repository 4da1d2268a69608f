using System.Collections.Immutable;
using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Peers;
using Dotmesh.Rpc.Wire;
using static Dotmesh.Rpc.Methods.TransferArguments;

namespace Dotmesh.Rpc.Methods;

/// <summary>What another cluster calls when it pushes to this one (contract 2.6).</summary>
internal static class PeerMethods
{
    private const int LongestId = 128;
    private const int LongestText = 1024;

    private static readonly Argument FilesystemId = Argument.Text("FilesystemId");
    private static readonly Argument CloneName = Argument.Text("CloneName", "BranchName");
    private static readonly Argument Path = Argument.Json("PathToTopLevelFilesystem");
    private static readonly Argument BecomeMaster = Argument.Boolean("BecomeMasterIfNotExists");
    private static readonly Argument TopLevelName = Argument.Text("TopLevelFilesystemName", "Name");

    private static readonly Argument Id = Argument.Text("TransferRequestId");
    private static readonly Argument InitiatorNodeId = Argument.Text("InitiatorNodeId");
    private static readonly Argument StartingCommit = Argument.Text("StartingCommit", "StartingSnapshot");
    private static readonly Argument Index = Argument.Number("Index");
    private static readonly Argument Total = Argument.Number("Total");
    private static readonly Argument Size = Argument.Number("Size");

    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<bool>(
            "DotmeshRPC.RegisterFilesystem", "Announces a filesystem that is about to be pushed.", WireJson.Default.Boolean, RegisterFilesystem)
        {
            Arguments = [Params.Namespace, TopLevelName, CloneName, FilesystemId, Path, BecomeMaster],
        },
        new RpcMethod<bool>(
            "DotmeshRPC.RegisterTransfer", "Announces a stream; answers when it may come.", WireJson.Default.Boolean, RegisterTransfer)
        {
            Arguments = [Id, .. Sides, FilesystemId, InitiatorNodeId, StartingCommit, Index, Total, Size],
        },
        new RpcMethod<ImmutableArray<string>>(
            StreamFormats.Method, "The formats of streams that this cluster takes and gives, the preferred one first.",
            WireJson.Default.ImmutableArrayString,
            static call => Params.Now<ImmutableArray<string>>(call.Services.Transfers?.Formats ?? [])),
    ];

    private static async ValueTask<Outcome<bool>> RegisterFilesystem(RpcCall call)
    {
        if (call.Services.Transfers is not { } transfers)
        {
            return TransferMethods.NoTransfers();
        }

        if (!call.Arguments.Boolean(BecomeMaster))
        {
            return new Refusal(RefusalCode.Invalid, "BecomeMasterIfNotExists must be true: a filesystem that is pushed is controlled here.");
        }

        var path = ReadPath(call);
        if (path.Refused(out var refusal))
        {
            return refusal;
        }

        return Params.True(await transfers.RegisterFilesystem(call.Caller, path.Value, call.Deadline));
    }

    /// <summary>The name is what the peer calls the dot here; the path's own is that of the other cluster.</summary>
    private static Outcome<TransferPath> ReadPath(RpcCall call)
    {
        PathReply? told = null;
        try
        {
            told = call.Arguments.Json(Path) is { ValueKind: JsonValueKind.Object } json ? json.Deserialize(PeerJson.Default.PathReply) : null;
        }
        catch (JsonException)
        {
            // not even of the shape: it is told below
        }

        if (told?.Unchecked(call.Text(Params.Namespace), call.Text(TopLevelName)) is not { Refusal: null } steps)
        {
            return new Refusal(
                RefusalCode.Invalid, "PathToTopLevelFilesystem must be an object with TopLevelFilesystemId and Clones, as DeducePathToTopLevelFilesystem answers it.");
        }

        var path = TransferPath.Check(steps.Value);
        if (path.Refused(out var refusal))
        {
            return refusal;
        }

        return path.Value.Tip.Value == call.Text(FilesystemId)
            ? path
            : new Refusal(RefusalCode.Invalid, $"The path leads to filesystem {path.Value.Tip} and not to {call.Text(FilesystemId)}.");
    }

    private static async ValueTask<Outcome<bool>> RegisterTransfer(RpcCall call)
    {
        if (call.Services.Transfers is not { } transfers)
        {
            return TransferMethods.NoTransfers();
        }

        var record = Announced(call);
        if (record.Refused(out var refusal))
        {
            return refusal;
        }

        // false is what the original answers when all is well (contract 2.6)
        return (await transfers.RegisterTransfer(call.Caller, record.Value, call.Deadline)).Then<bool>(_ => false);
    }

    /// <summary>What the other cluster calls local is its own and only shown; what it calls remote is here.</summary>
    private static Outcome<TransferRecord> Announced(RpcCall call)
    {
        var name = call.Dot(RemoteNamespace, RemoteName);
        var branch = call.Text(RemoteBranch);
        var id = call.Text(Id);
        if ((name.Refusal ?? Names.CheckBranch(branch)) is { } malformed)
        {
            return malformed;
        }

        if (id.Length is 0 or > LongestId)
        {
            return new Refusal(
                RefusalCode.Invalid, id.Length == 0 ? "TransferRequestId cannot be empty" : $"TransferRequestId has more than {LongestId} characters");
        }

        var filesystem = Names.Filesystem(call.Text(FilesystemId));
        var from = StreamStart.Parse(call.Text(StartingCommit));
        var to = Names.Commit(call.Text(TargetCommit));
        if ((filesystem.Refusal ?? from.Refusal ?? to.Refusal) is { } invalid)
        {
            return invalid;
        }

        var request = new TransferRequest
        {
            Peer = Shown(call, Peer),
            User = Shown(call, User),
            ApiKey = "",
            Direction = TransferDirection.Push,
            Local = new DotName(Shown(call, LocalNamespace), Shown(call, LocalName)),
            LocalBranch = Shown(call, LocalBranch),
            RemoteNamespace = name.Value.Namespace,
            RemoteName = name.Value.Name,
            RemoteBranch = branch,
        };
        return TransferRecord
            .Begin(id, request, new StorageNodeId(Shown(call, InitiatorNodeId)), call.Services.Clock.GetUtcNow())
            .Announce(
                filesystem.Value, from.Value, to.Value, Counted(call, Index), Counted(call, Total), Math.Max(0, call.Arguments.Number(Size) ?? 0));
    }

    private static int Counted(RpcCall call, Argument argument) => (int)Math.Clamp(call.Arguments.Number(argument) ?? 1, 1, int.MaxValue);

    private static string Shown(RpcCall call, Argument argument) => call.Text(argument) is { Length: <= LongestText } text ? text : "";
}
