using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>What a transfer asks before it begins (contract 2.6).</summary>
internal static class TransferPreparations
{
    private static readonly Argument FromFilesystemId = Argument.Text("FromFilesystemId");
    private static readonly Argument FromSnapshotId = Argument.Text("FromSnapshotId");
    private static readonly Argument ToFilesystemId = Argument.Text("ToFilesystemId");
    private static readonly Argument ToSnapshotId = Argument.Text("ToSnapshotId");
    private static readonly Argument RemoteNamespace = Argument.Text("RemoteNamespace");
    private static readonly Argument RemoteFilesystemName = Argument.Text("RemoteFilesystemName");
    private static readonly Argument RemoteCloneName = Argument.Text("RemoteCloneName");

    public static RpcMethod[] All { get; } =
    [
        Params.OnDot(
            "PredictSize",
            "Bytes that a stream between two commits would have.",
            WireJson.Default.Int64,
            PredictSize,
            [FromFilesystemId, FromSnapshotId, ToFilesystemId, ToSnapshotId]),
        new RpcMethod<string>(
            "DotmeshRPC.ResumePoint",
            "Where a stream between two commits that broke off here goes on; empty at its beginning.",
            WireJson.Default.String,
            ResumePoint)
        {
            Arguments = [FromFilesystemId, FromSnapshotId, ToFilesystemId, ToSnapshotId],
        },
        new RpcMethod<PathToTopLevelFilesystem>(
            "DotmeshRPC.DeducePathToTopLevelFilesystem",
            "The branches from the master branch to the named one.",
            WireJson.Default.PathToTopLevelFilesystem,
            DeducePath)
        {
            Arguments = [RemoteNamespace, RemoteFilesystemName, RemoteCloneName],
            Right = Right.Use,
        },
    ];

    private static async ValueTask<Outcome<long>> PredictSize(RpcCall call)
    {
        var target = call.Dots.Resolve(call.Caller, new FilesystemId(call.Text(ToFilesystemId)), Right.Use);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        var range = Range(target.Value.Filesystem, call.Text(FromFilesystemId), call.Text(FromSnapshotId), call.Text(ToSnapshotId));
        if (range.Refused(out refusal))
        {
            return refusal;
        }

        if (range.Value.From is { } from && from.Filesystem != target.Value.Filesystem)
        {
            // the base is another filesystem: what it tells about its data needs the same right
            var source = call.Dots.Resolve(call.Caller, from.Filesystem, Right.Use);
            if (source.Refused(out var denied))
            {
                return denied;
            }
        }

        return await call.Dots.PredictSize(target.Value, range.Value, call.Deadline);
    }

    /// <summary>Of a filesystem that may not be here yet: who may push it is looked at where pushes are.</summary>
    private static async ValueTask<Outcome<string>> ResumePoint(RpcCall call)
    {
        if (call.Services.Transfers is not { } transfers)
        {
            return TransferMethods.NoTransfers();
        }

        var filesystem = Names.Filesystem(call.Text(ToFilesystemId));
        if (filesystem.Refused(out var refusal))
        {
            return refusal;
        }

        var range = Range(filesystem.Value, call.Text(FromFilesystemId), call.Text(FromSnapshotId), call.Text(ToSnapshotId));
        return range.Refused(out refusal)
            ? refusal
            : (await transfers.ResumePoint(call.Caller, range.Value, call.Deadline)).Then<string>(point => point ?? "");
    }

    /// <summary>The start as the original's servers send it (contract 6.8), and as two ids.</summary>
    private static Outcome<StreamRange> Range(FilesystemId filesystem, string fromFilesystem, string fromCommit, string to)
    {
        var from = fromCommit.Length == 0 ? StreamStart.Start : StreamStart.Parse(fromCommit);
        var last = Names.Commit(to);
        if ((last.Refusal ?? from.Refusal) is { } invalid)
        {
            return invalid;
        }

        var range = from.Value.To(filesystem, last.Value);
        return range.From is { } start && from.Value.Filesystem is null && fromFilesystem.Length > 0
            ? range with { From = start with { Filesystem = new FilesystemId(fromFilesystem) } }
            : range;
    }

    private static ValueTask<Outcome<PathToTopLevelFilesystem>> DeducePath(RpcCall call)
    {
        var name = call.Dot(RemoteNamespace, RemoteFilesystemName);
        if (name.Refused(out var refusal))
        {
            return Params.Now<PathToTopLevelFilesystem>(refusal);
        }

        var branch = call.Text(RemoteCloneName);
        Outcome<DotTarget> target =
            Names.CheckBranch(branch) ?? call.Dots.Resolve(call.Caller, name.Value, branch, Right.Use);
        return Params.Now(target.Then(found => (Outcome<PathToTopLevelFilesystem>)PathToTopLevelFilesystem.From(found.Dot.Id, found.Dot.Name, found.Path())));
    }
}
