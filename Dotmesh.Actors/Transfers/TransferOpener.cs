using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;

namespace Dotmesh.Actors.Transfers;

/// <summary>A transfer whose two sides are known.</summary>
/// <param name="Here">The filesystem of the local branch; null when it is not here yet.</param>
/// <param name="Path">With the name that the dot has here.</param>
/// <param name="Format">Of the streams.</param>
internal sealed record OpenedTransfer(IPeer Peer, FilesystemId? Here, TransferPath Path, string Format, TransferOpening Opening)
{
    /// <summary>The peer is one of ours: it takes our own format, and needs no patience with caches.</summary>
    public bool IsOurs => Format != StreamFormats.ZfsSend;
}

/// <summary>What comes before data is moved (contract 6.2, steps 2 to 7). Everything may be repeated.</summary>
internal sealed class TransferOpener(TransferParts parts)
{
    private const int TriesWithOriginals = 7;

    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(2.5);

    /// <summary>Finds both sides and the path, and registers it where it is missing.</summary>
    public async Task<Outcome<OpenedTransfer>> Open(Caller caller, TransferRequest request, CancellationToken ct)
    {
        var reached = await parts.Peers.Reach(new PeerAddress(request.Peer, request.Port, request.User, request.ApiKey), ct);
        if (reached.Refused(out var refusal))
        {
            return refusal;
        }

        var peer = reached.Value;
        var formats = await peer.Formats(ct);
        var there = await peer.Exists(request.RemoteNamespace, request.RemoteName, request.RemoteBranch, ct);
        var here = parts.Dots.Resolve(caller, request.Local, request.LocalBranch, Right.Use);
        if ((formats.Refusal ?? there.Refusal) is { } silent)
        {
            return silent;
        }

        if (here.Refused(out refusal) && refusal.Code != RefusalCode.NotFound)
        {
            return refusal;
        }

        var local = refusal is null ? here.Value : null;
        var opening = TransferDecisions.Open(request, local?.Filesystem, there.Value);
        if (opening.Refused(out refusal))
        {
            return refusal;
        }

        if (parts.Formats.FirstOrDefault(formats.Value.Contains) is not { } format)
        {
            return Receiver.WrongFormat(string.Join("', '", formats.Value), parts.Formats);
        }

        var path = await Path(request, peer, local, there.Value, ct);
        if (path.Refused(out refusal) || (await Register(caller, request, peer, path.Value, opening.Value, ct)).Refused(out refusal))
        {
            return refusal;
        }

        return new OpenedTransfer(peer, local?.Filesystem, path.Value, format, opening.Value);
    }

    /// <summary>Step 7: whether data can be written where the transfer leads to. Done when it is asked for, and not when it is gone on with.</summary>
    public async Task<Outcome<Done>> Judge(Caller caller, TransferRequest request, OpenedTransfer opened, CancellationToken ct)
    {
        if (opened.Opening != TransferOpening.Update)
        {
            return default(Done);
        }

        var tries = opened.IsOurs || request.Direction == TransferDirection.Pull ? 1 : TriesWithOriginals;
        for (var attempt = 1; ; attempt++)
        {
            var judged = await JudgeOnce(caller, request, opened, ct);
            if (judged.Refusal is not { Code: RefusalCode.Conflict } || attempt == tries)
            {
                return judged;
            }

            // an original knows of what it wrote or rolled back a moment ago only some seconds later
            await Task.Delay(BetweenTries, parts.Env.Time, ct);
        }
    }

    private async Task<Outcome<Done>> JudgeOnce(Caller caller, TransferRequest request, OpenedTransfer opened, CancellationToken ct)
    {
        var push = request.Direction == TransferDirection.Push;
        var target = push ? null : parts.Env.Directory.FindFilesystem(opened.Here!.Value);
        var dirty = push ? await opened.Peer.DirtyBytes(opened.Path.Tip, ct) : await DirtyHere(target!, ct);
        Outcome<ImmutableArray<string>> containers = push ? await opened.Peer.Containers(opened.Path.Tip, ct)
            : request.StopsContainersHere ? ImmutableArray<string>.Empty
            : await ContainersHere(target!, ct);
        if ((dirty.Refusal ?? containers.Refusal) is { } refusal)
        {
            return refusal;
        }

        var judged = TransferDecisions.Judge(dirty.Value, containers.Value, request.StashDivergence);
        if (judged.Refused(out refusal))
        {
            return refusal;
        }

        // what they write until they are stopped is committed then
        if (judged.Value == WritingSide.Clean || request.StopsContainersHere)
        {
            return default(Done);
        }

        return push
            ? await opened.Peer.Commit(
                request.RemoteNamespace, request.RemoteName, request.RemoteBranch, TransferDecisions.StashingMessage, ct)
            : (await CommitHere(caller, target!, ct)).Then<Done>(_ => default(Done));
    }

    /// <summary>
    /// Nobody writes into the filesystem any more: what was not committed there is committed, or stands in the way. True when a commit was made.
    /// </summary>
    public async Task<Outcome<bool>> Clear(Caller caller, TransferRequest request, DotTarget target, CancellationToken ct)
    {
        var dirty = await DirtyHere(target, ct);
        if (dirty.Refused(out var refusal))
        {
            return refusal;
        }

        var judged = TransferDecisions.Judge(dirty.Value, [], request.StashDivergence);
        if (judged.Refused(out refusal) || judged.Value == WritingSide.Clean)
        {
            return refusal is null ? false : refusal;
        }

        return (await CommitHere(caller, target, ct)).Then<bool>(_ => true);
    }

    private Task<Outcome<CommitId>> CommitHere(Caller caller, DotTarget target, CancellationToken ct) =>
        parts.Dots.Commit(caller, target, new CommitRequest(null, StashingMetadata(caller)), ct);

    /// <summary>On any node of this cluster.</summary>
    private async Task<Outcome<ImmutableArray<string>>> ContainersHere(DotTarget target, CancellationToken ct) =>
        (await parts.Dots.Containers([target], ct)).Select(use => use.Name).ToImmutableArray();

    private static CommitMetadata StashingMetadata(Caller caller) => new(
    [
        KeyValuePair.Create("message", TransferDecisions.StashingMessage),
        KeyValuePair.Create("author", caller.User.Name),
    ]);

    /// <summary>Measured now where that can be: a size of a moment ago would call clean what was just written.</summary>
    private async Task<Outcome<long>> DirtyHere(DotTarget target, CancellationToken ct)
    {
        if (target.Dot.Node != parts.Env.Node)
        {
            return (await parts.Dots.View([target], ct)) is [var view] ? view.DirtyBytes : 0;
        }

        try
        {
            return (await parts.Env.Storage.Usage([target.Filesystem], ct)).GetValueOrDefault(target.Filesystem)?.DirtyBytes ?? 0;
        }
        catch (StorageException failure)
        {
            return Refusals.From(failure);
        }
    }

    /// <summary>Step 4.</summary>
    private static async Task<Outcome<TransferPath>> Path(
        TransferRequest request, IPeer peer, DotTarget? local, FilesystemId? there, CancellationToken ct)
    {
        if (request.Direction == TransferDirection.Push)
        {
            var here = TransferPath.To(local!);
            return here.Refused(out var broken) ? TransferDecisions.NoPath(request.Local, request.LocalBranch, broken.Message) : here;
        }

        var remote = new DotName(request.RemoteNamespace, request.RemoteName);
        var told = await peer.Path(request.RemoteNamespace, request.RemoteName, request.RemoteBranch, ct);
        if (told.Refused(out var refusal))
        {
            return refusal.Code == RefusalCode.Unavailable ? refusal : TransferDecisions.NoPath(remote, request.RemoteBranch, refusal.Message, refusal.Code);
        }

        var path = TransferPath.Check(told.Value);
        if (path.Refused(out refusal))
        {
            return TransferDecisions.NoPath(remote, request.RemoteBranch, refusal.Message, refusal.Code);
        }

        return path.Value.Tip == there
            ? path.Value.CalledThere(request.Local)
            : TransferDecisions.NoPath(remote, request.RemoteBranch, $"it leads to {path.Value.Tip} and not to {there}");
    }

    /// <summary>Step 5.</summary>
    private async Task<Outcome<Done>> Register(
        Caller caller, TransferRequest request, IPeer peer, TransferPath path, TransferOpening opening, CancellationToken ct)
    {
        switch (opening)
        {
            case TransferOpening.RegisterThere:
                return await peer.Register(path.CalledThere(new DotName(request.RemoteNamespace, request.RemoteName)), ct);
            case TransferOpening.RegisterHere:
                return MayCome(caller, path).Then<Done>(_ => default(Done));
            default:
                return default(Done);
        }
    }

    /// <summary>Whether the caller may have the path's missing filesystems made here, and which they are.</summary>
    public Outcome<ImmutableArray<Registration>> MayCome(Caller caller, TransferPath path)
    {
        if (parts.Env.Directory.Find(path.Master) is { Status: not DotStatus.Creating } dot)
        {
            if (parts.Dots.Resolve(caller, dot.Id, Right.Use).Refused(out var denied))
            {
                return denied;
            }
        }
        else if (!caller.IsAdmin && caller.User.Name != path.Dot.Namespace)
        {
            return PathDecisions.NotNamespaceAdmin(path.Dot.Namespace);
        }

        return parts.Users.FindByName(path.Dot.Namespace) is null
            ? Refusals.NoOwner(path.Dot.Namespace)
            : PathDecisions.Missing(path, parts.Env.Directory, caller.User.Id);
    }
}
