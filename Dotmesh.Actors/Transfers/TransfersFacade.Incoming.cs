using System.Collections.Immutable;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Transfers;

/// <summary>What another cluster asks: it pulls from here, or pushes to here.</summary>
internal sealed partial class TransfersFacade
{
    public async Task<Outcome<Done>> RegisterFilesystem(Caller caller, TransferPath path, CancellationToken ct)
    {
        var missing = _opener.MayCome(caller, path);
        if (missing.Refused(out var refusal))
        {
            return refusal;
        }

        await parts.Tables.Register(missing.Value, parts.Now, ct);
        return default(Done);
    }

    public async Task<bool> IsRegistered(Caller caller, FilesystemId filesystem, CancellationToken ct) =>
        await parts.Tables.Registered(filesystem, ct) is { } registration && MayPush(caller, registration);

    public async Task<Outcome<Done>> RegisterTransfer(Caller caller, TransferRecord announced, CancellationToken ct)
    {
        var filesystem = announced.Filesystem!.Value;
        var target = await Pushable(caller, filesystem, ct);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        if (parts.Env.Directory.Find(target.Value.Dot) is { Status: DotStatus.Active or DotStatus.Changing } dot && !parts.Members.IsLive(dot.Node))
        {
            return NotReady("node-not-up", Refusals.NodeNotUp(dot.Node).Message);
        }

        if (announced.TargetCommit is { } to && parts.Env.Directory.FindFilesystem(filesystem) is { } there)
        {
            var commits = await parts.Dots.Commits(there, ct);
            if (commits.Refused(out refusal))
            {
                return NotReady("commits-unknown", refusal.Message);
            }

            if (commits.Value.Any(commit => commit.Id == to))
            {
                return NotReady("receiving-push-complete", $"map[filesystemId:{filesystem} snapshotId:{to}]");
            }
        }

        // what the same caller announced of it before and never sent is not awaited any more
        await parts.Tables.Supersede(filesystem, announced.Id, caller.User.Id, ct);
        var row = new TransferRow(announced.Id, target.Value.Dot, null, true, caller.User.Id, parts.Now, null, "", announced);
        if (await parts.Tables.Insert(row, ct))
        {
            return default(Done);
        }

        if (await parts.Tables.Find(announced.Id, ct) is { Node: null } before && before.AskedBy == caller.User.Id)
        {
            await parts.Tables.Save(announced, null, true, ct);
            return default(Done);
        }

        return new Refusal(RefusalCode.AlreadyExists, $"A transfer with id {announced.Id} exists here already, and it is another one.");
    }

    public async Task<Outcome<string?>> ResumePoint(Caller caller, StreamRange range, CancellationToken ct)
    {
        var target = await Pushable(caller, range.Filesystem, ct);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        return parts.Env.Directory.Find(target.Value.Dot) is { } dot && dot.Node != parts.Env.Node
            ? parts.Services.Link is { } link && parts.Members.IsLive(dot.Node)
                ? await link.ResumePoint(dot.Node, range, ct)
                : Refusals.NodeNotUp(dot.Node)
            : await ResumePoint(range, ct);
    }

    public async Task<Outcome<string?>> ResumePoint(StreamRange range, CancellationToken ct)
    {
        try
        {
            return await parts.Env.Storage.ResumePoint(range, ct);
        }
        catch (StorageException failure)
        {
            return Refusals.From(failure);
        }
    }

    public async Task<Outcome<Done>> Send(
        Caller caller, StreamRange range, string format, string? resume, Func<Stream> output, CancellationToken ct)
    {
        var target = parts.Dots.Resolve(caller, range.Filesystem, Right.Use);
        if (target.Refused(out var refusal) || MayStartAt(caller, range).Refused(out refusal))
        {
            return refusal;
        }

        if (!parts.Formats.Contains(format))
        {
            return Receiver.WrongFormat(format, parts.Formats);
        }

        // a copy here will do: what was acknowledged and is in the range is the same everywhere
        var here = parts.Env.Index.Has(range.Filesystem, range.To);
        var node = target.Value.Dot.Node;
        if (!here && (node == parts.Env.Node || parts.Env.Link is null))
        {
            return Refusals.NoSuchCommit(range.To, $"{range.Filesystem}");
        }

        var prelude = await Prelude(target.Value, range, ct);
        if (prelude.Refused(out refusal))
        {
            return refusal;
        }

        Func<Stream, CancellationToken, Task> send = here
            ? (content, token) => parts.Env.Storage.Send(format, range, resume, content, token)
            : async (content, token) =>
            {
                var fetched = await parts.Env.Link!.Fetch(
                    node, new FetchRequest(target.Value.Dot.Id, target.Value.Dot.Epoch, range) { Format = format, Resume = resume ?? "" }, (stream, t) => stream.CopyToAsync(content, t), token);
                if (fetched.Refused(out var broken))
                {
                    throw new StorageException(StorageFailure.NotFound, broken.Message);
                }
            };
        using var turn = await parts.Limits.ServingTurn(ct);
        var body = output();
        await WireBody.Write(parts.Limits.Pacing(0) is { } pass ? new PacedWriter(body, pass) : body, prelude.Value, send, null, ct);
        return default(Done);
    }

    public async Task<StreamAnswer> Receive(
        Caller caller, StreamRange range, string transfer, string format, Stream body, CancellationToken ct)
    {
        var filesystem = range.Filesystem;
        var target = await Pushable(caller, filesystem, ct);
        if (target.Refused(out var refusal))
        {
            return new StreamAnswer(refusal.Code == RefusalCode.Denied ? 403 : 404, refusal.Code == RefusalCode.Denied
                ? refusal.Message : $"Can't find state of filesystem {filesystem}.");
        }

        if (await Announced(caller, range, transfer, ct) is not { } announced)
        {
            return new StreamAnswer(
                404, $"Host is master for this filesystem ({filesystem}), but can't write to it because state is {parts.Env.States.State(filesystem)}.");
        }

        try
        {
            var opening = await WireBody.Open(body, ct);
            if (opening.Refused(out refusal))
            {
                return new StreamAnswer(400, $"Unable to parse prelude for {filesystem}: {refusal.Message}");
            }

            await using var content = opening.Value;
            var (dot, name, branch) = target.Value;
            using var turn = await parts.Limits.ServingTurn(ct);
            var taken = await parts.Receiver.Receive(
                new IncomingStream(dot, name, range, branch, format, content.Commits, Paced(content), caller.User.Id), ct);
            if (taken.Refused(out refusal))
            {
                return NotReceived(filesystem, refusal.Message);
            }

            await parts.Tables.Forget(filesystem, ct);
            await Finished(announced, content.Bytes, ct);
            return new StreamAnswer(200, "");
        }
        catch (Exception broken) when (broken is StorageException or IOException)
        {
            parts.Env.Log.LogWarning("the stream for {Filesystem} broke off: {Message}", filesystem, broken.Message);
            return NotReceived(filesystem, broken.Message);
        }
    }

    public Task<Outcome<Done>> Receive(OfferedStream offer, CancellationToken ct) => parts.Receiver.Fetch(offer, ct);

    public Task<Outcome<Done>> SendOffered(string ticket, Func<Stream> output, CancellationToken ct) => parts.Receiver.SendOffered(ticket, output, ct);

    private static Refusal NotReady(string what, string arguments) => new(
        RefusalCode.Conflict, $"Error requesting peer transfer: {new TransferFailure(what, arguments)}");

    private static StreamAnswer NotReceived(FilesystemId filesystem, string why) =>
        new(400, $"Unable to receive {filesystem}: {why}, stderr: {why}");

    private static bool MayPush(Caller caller, Registration registration) => caller.IsAdmin || registration.UserId == caller.User.Id;

    private Stream Paced(Stream content) => parts.Limits.Pacing(0) is { } pass ? new PacedReader(content, pass) : content;

    /// <summary>A filesystem that the caller may push into: one that is here, or one that is registered.</summary>
    private async Task<Outcome<(FilesystemId Dot, DotName Name, string Branch)>> Pushable(
        Caller caller, FilesystemId filesystem, CancellationToken ct)
    {
        var here = parts.Dots.Resolve(caller, filesystem, Right.Use);
        if (!here.Refused(out var refusal))
        {
            return (here.Value.Dot.Id, here.Value.Dot.Name, here.Value.Branch);
        }

        return refusal.Code == RefusalCode.NotFound && await parts.Tables.Registered(filesystem, ct) is { } registered
            ? MayPush(caller, registered) ? (registered.Dot, registered.Name, registered.Branch) : Refusals.PermissionDenied()
            : refusal;
    }

    /// <summary>A branch starts in another filesystem: what a stream tells of that one needs the same right.</summary>
    private Outcome<Done> MayStartAt(Caller caller, StreamRange range) =>
        range.From is { } from && from.Filesystem != range.Filesystem
            ? parts.Dots.Resolve(caller, from.Filesystem, Right.Use).Then<Done>(_ => default(Done))
            : default(Done);

    private async Task<Outcome<byte[]>> Prelude(DotTarget target, StreamRange range, CancellationToken ct)
    {
        var commits = await parts.Dots.Commits(target, ct);
        if (commits.Refused(out var refusal))
        {
            return refusal;
        }

        ImmutableArray<CommitProperties> all = [.. commits.Value.Select(CommitProperties.Of)];
        var own = range.From is { } from && from.Filesystem == range.Filesystem ? from.Commit : (CommitId?)null;
        var last = all.IndexOf(range.To);
        var first = own is { } start ? all.IndexOf(start) + 1 : 0;
        return last < 0 || first > last || (own is not null && first == 0)
            ? Refusals.NoSuchCommit(range.To, $"{range.Filesystem} after {own}")
            : new WirePrelude(all[first..(last + 1)]).Encode();
    }

    private async Task<TransferRow?> Announced(Caller caller, StreamRange range, string transfer, CancellationToken ct)
    {
        var rows = await parts.Tables.Announced(range.Filesystem, ct);
        return rows.FirstOrDefault(row =>
            (caller.IsAdmin || row.AskedBy == caller.User.Id)
            && (transfer.Length == 0 || row.Id == transfer)
            && row.Record.TargetCommit == range.To
            && row.Record.StartingCommit?.To(range.Filesystem, range.To) == range);
    }

    /// <summary>What this cluster shows of it; the other one knows better, so a failure here is of no consequence.</summary>
    private async Task Finished(TransferRow announced, long bytes, CancellationToken ct)
    {
        try
        {
            await parts.Tables.Save(announced.Record.Arrived(bytes, parts.Now), null, false, ct);
        }
        catch (DatabaseException away)
        {
            parts.Env.Log.LogWarning("transfer {Transfer} has arrived, and its row does not say so: {Why}", announced.Id, away.Message);
        }
    }
}
