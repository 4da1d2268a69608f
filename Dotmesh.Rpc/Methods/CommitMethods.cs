using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;
using Commits = System.Collections.Immutable.ImmutableArray<Dotmesh.Rpc.Wire.Commit>;

namespace Dotmesh.Rpc.Methods;

/// <summary>Contract 2.4.</summary>
internal static class CommitMethods
{
    /// <summary>A metadata key that is not stored: its value becomes the commit's id.</summary>
    private const string CommitIdKey = "#commit-id";

    private static readonly Argument Message = Argument.Text("Message");
    private static readonly Argument Metadata = Argument.TextMap("Metadata");
    private static readonly Argument Durability = Argument.Text("Durability");
    private static readonly Argument CommitId = Argument.Text("CommitId", "SnapshotId");
    private static readonly Argument[] Committing = [.. Params.NameTriple, Message, Metadata, Durability];

    public static RpcMethod[] All { get; } =
    [
        Params.OnDot(
            "Commit", "Commits what is in a branch now and answers the commit's id.", WireJson.Default.String, Commit, Committing),
        Params.OnDot(
            "Snapshot",
            "Commits what is in a branch now and answers true.",
            WireJson.Default.Boolean,
            static async call => Params.True(await Commit(call)),
            Committing,
            olderNameOf: "DotmeshRPC.Commit"),
        Listing("Commits", null),
        Listing("Snapshots", "DotmeshRPC.Commits"),
        Params.OnDot(
            "CommitSizes",
            "The bytes that all files of a branch held at each of its commits, oldest first.",
            WireJson.Default.ImmutableArrayCommitSize,
            CommitSizes,
            Params.NameTriple),
        ListingById("CommitsById", null),
        ListingById("SnapshotsById", "DotmeshRPC.CommitsById"),
        Params.OnDot(
            "Rollback",
            "Takes a branch back to a commit; uncommitted data and later commits are gone.",
            WireJson.Default.Boolean,
            Rollback,
            [.. Params.NameTriple, Params.SnapshotId],
            Access.Admin),
        Params.OnDot(
            "MountCommit",
            "Mounts a commit read-only and answers the path.",
            WireJson.Default.String,
            MountCommit,
            [Params.FilesystemId, CommitId]),
        Params.OnDot(
            "StashAfter",
            "Moves what came after a commit to a new branch and answers its name.",
            WireJson.Default.String,
            StashAfter,
            [Params.FilesystemId, Params.SnapshotId]),
        new RpcMethod<ImmutableSortedDictionary<string, ImmutableArray<string>>>(
            "DotmeshRPC.GetReplicationLatencyForBranch",
            "The commits that each node does not have yet.",
            WireJson.Default.TextsByName,
            ReplicationLag)
        {
            Arguments = Params.NameTriple,
            Access = Access.Admin,
            Right = Right.Use,
        },
    ];

    private static RpcMethod<Commits> Listing(string name, string? olderNameOf) => new(
        $"DotmeshRPC.{name}",
        "The commits of a branch, oldest first.",
        WireJson.Default.ImmutableArrayCommit,
        static call => List(call, Params.Target(call, Right.Use)))
    {
        Arguments = Params.NameTriple,
        Right = Right.Use,
        Answered = Answered.Owner,
        OlderNameOf = olderNameOf,
    };

    private static RpcMethod<Commits> ListingById(string name, string? olderNameOf) => new(
        $"DotmeshRPC.{name}",
        "The commits of a filesystem, oldest first.",
        WireJson.Default.ImmutableArrayCommit,
        ListById)
    {
        Style = ParamsStyle.Text,
        Arguments = [Params.Bare],
        Right = Right.Use,
        Answered = Answered.Owner,
        OlderNameOf = olderNameOf,
    };

    /// <summary>One that another cluster registered, and that is not here yet, has none (contract 6.2).</summary>
    private static async ValueTask<Outcome<Commits>> ListById(RpcCall call)
    {
        var target = ById(call, Params.Bare);
        return target.Refusal is { Code: RefusalCode.NotFound } && call.Services.Transfers is { } transfers
            && await transfers.IsRegistered(call.Caller, new FilesystemId(call.Text(Params.Bare)), call.Deadline)
            ? Commits.Empty
            : await List(call, target);
    }

    private static Outcome<DotTarget> ById(RpcCall call, Argument id) =>
        call.Dots.Resolve(call.Caller, new FilesystemId(call.Text(id)), Right.Use);

    private static async ValueTask<Outcome<Commits>> List(RpcCall call, Outcome<DotTarget> target)
    {
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        var commits = await call.Dots.Commits(target.Value, call.Deadline);
        return commits.Then(found => (Outcome<Commits>)found.Select(Wire.Commit.From).ToImmutableArray());
    }

    private static async ValueTask<Outcome<ImmutableArray<CommitSize>>> CommitSizes(RpcCall call)
    {
        var target = Params.Target(call, Right.Use);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        var sizes = await call.Dots.CommitSizes(target.Value, call.Deadline);
        return sizes.Then(found => (Outcome<ImmutableArray<CommitSize>>)found.Select(CommitSize.From).ToImmutableArray());
    }

    private static async ValueTask<Outcome<string>> Commit(RpcCall call)
    {
        var target = Params.Target(call, Right.Use);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        var request = Request(call.Caller.User.Name, call.Text(Message), call.Arguments.TextMap(Metadata));
        if (request.Refused(out var invalid))
        {
            return invalid;
        }

        var durability = call.Text(Durability);
        if (durability is not ("" or "local" or "replicated"))
        {
            return new Refusal(RefusalCode.Invalid, $"Durability must be local or replicated, not {durability}");
        }

        var commit = await call.Dots.Commit(
            call.Caller, target.Value, request.Value with { Replicated = durability == "replicated" }, call.Deadline);
        return commit.Then(id => (Outcome<string>)id.Value);
    }

    /// <summary>What the caller gives overlays message and author (contract 2.4). Pure.</summary>
    internal static Outcome<CommitRequest> Request(
        string author, string message, IReadOnlyDictionary<string, string>? given)
    {
        CommitId? id = null;
        var metadata = new List<KeyValuePair<string, string>> { new("message", message), new("author", author) };
        foreach (var (key, value) in given ?? new Dictionary<string, string>())
        {
            if (key == CommitIdKey)
            {
                if (Names.CheckCommit(value) is { } badId)
                {
                    return badId;
                }

                id = new CommitId(value);
            }
            else if (CommitMetadata.CheckKey(key) is { } badKey)
            {
                return new Refusal(RefusalCode.Invalid, badKey);
            }
            else
            {
                metadata.Add(new(key, value));
            }
        }

        return new CommitRequest(id, new CommitMetadata(metadata));
    }

    private static async ValueTask<Outcome<bool>> Rollback(RpcCall call)
    {
        var commit = call.Text(Params.SnapshotId);
        var checkedNames = call.Dot(Params.Namespace, Params.Name);
        if (checkedNames.Refused(out var invalid))
        {
            return invalid;
        }

        if ((Names.CheckBranch(call.Text(Params.Branch)) ?? Names.CheckCommit(commit)) is { } bad)
        {
            return bad;
        }

        var target = Params.Target(call, Right.Use);
        return target.Refused(out var refusal)
            ? refusal
            : Params.True(await call.Dots.Rollback(call.Caller, target.Value, new CommitId(commit), call.Deadline));
    }

    private static async ValueTask<Outcome<string>> MountCommit(RpcCall call)
    {
        var target = ById(call, Params.FilesystemId);
        return target.Refused(out var refusal)
            ? refusal
            : Names.CheckCommit(call.Text(CommitId)) is { } invalid
                ? invalid
                : await call.Dots.MountCommit(call.Caller, target.Value, new CommitId(call.Text(CommitId)), call.Deadline);
    }

    private static async ValueTask<Outcome<string>> StashAfter(RpcCall call)
    {
        var commit = call.Text(Params.SnapshotId);
        var target = ById(call, Params.FilesystemId);
        return target.Refused(out var refusal)
            ? refusal
            : Names.CheckCommit(commit) is { } invalid
                ? invalid
                : await call.Dots.Stash(call.Caller, target.Value, new CommitId(commit), call.Deadline);
    }

    private static async ValueTask<Outcome<ImmutableSortedDictionary<string, ImmutableArray<string>>>> ReplicationLag(
        RpcCall call)
    {
        var target = Params.Target(call, Right.Use);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        var lag = await call.Dots.ReplicationLag(target.Value, call.Deadline);
        return lag.Then(
            found => (Outcome<ImmutableSortedDictionary<string, ImmutableArray<string>>>)found.ToImmutableSortedDictionary(
                node => node.Key, node => node.Value.Select(id => id.Value).ToImmutableArray(), StringComparer.Ordinal));
    }
}
