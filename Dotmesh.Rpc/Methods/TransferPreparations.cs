using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
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

        var (fromFilesystem, fromCommit, to) =
            (call.Text(FromFilesystemId), call.Text(FromSnapshotId), call.Text(ToSnapshotId));
        if ((Names.CheckCommit(to) ?? (fromCommit.Length == 0 ? null : Names.CheckCommit(fromCommit))) is { } invalid)
        {
            return invalid;
        }

        if (fromCommit.Length > 0 && fromFilesystem.Length > 0)
        {
            // the base may be another filesystem: what it tells about its data needs the same right
            var source = call.Dots.Resolve(call.Caller, new FilesystemId(fromFilesystem), Right.Use);
            if (source.Refused(out var denied))
            {
                return denied;
            }
        }

        var origin = fromCommit.Length == 0
            ? null
            : new CommitOrigin(
                fromFilesystem.Length == 0 ? target.Value.Filesystem : new FilesystemId(fromFilesystem),
                new CommitId(fromCommit));
        return await call.Dots.PredictSize(
            target.Value, new StreamRange(target.Value.Filesystem, origin, new CommitId(to)), call.Deadline);
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
        return Params.Now(target.Then(found => (Outcome<PathToTopLevelFilesystem>)Path(found)));
    }

    internal static PathToTopLevelFilesystem Path(DotTarget tip) => new(
        tip.Dot.Id.Value,
        WireName.From(tip.Dot.Name),
        [
            .. tip.Path().Select(branch => new PathStep(
                branch.Name,
                new PathClone(
                    tip.Dot.Id.Value, branch.Id.Value, branch.Name, new PathOrigin(branch.Origin.Filesystem.Value, branch.Origin.Commit.Value)))),
        ]);
}
