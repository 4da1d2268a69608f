using System.Collections.Immutable;
using Akka.Actor;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Transfers;

/// <summary><see cref="ITransfers"/>: what callers of this cluster ask for. The other cluster's side is in the other half.</summary>
internal sealed partial class TransfersFacade(TransferParts parts, IActorRef transfers) : ITransfers, ITransferAnswers
{
    private const int MostListed = 10_000;

    private readonly TransferOpener _opener = new(parts);

    public ImmutableArray<string> Formats => parts.Formats;

    public async Task<Outcome<string>> Begin(Caller caller, TransferRequest request, CancellationToken ct)
    {
        var opened = await _opener.Open(caller, request, ct);
        if (opened.Refused(out var refusal) || (await _opener.Judge(caller, request, opened.Value, ct)).Refused(out refusal))
        {
            return refusal;
        }

        var dot = parts.Env.Directory.Find(opened.Value.Path.Master);
        var node = dot?.Node ?? parts.Env.Node;
        var id = parts.Env.Ids.NewId();
        var row = new TransferRow(
            id, opened.Value.Path.Master, node, true, caller.User.Id, parts.Now, StoredRequest.Of(request), parts.Seal(request.ApiKey, id),
            TransferRecord.Begin(id, request, parts.Env.Node, parts.Now));
        await parts.Tables.Insert(row, ct);
        await Start(row, node, ct);
        return id;
    }

    public async Task<Outcome<TransferRecord>> Get(string id, CancellationToken ct) =>
        await parts.Tables.Find(id, ct) is { } row ? row.Record : NoSuchTransfer(id);

    public async Task<Outcome<TransferLog>> Log(
        Caller caller, string id, long before, int most, CancellationToken ct) =>
        await parts.Tables.Find(id, ct) is not { } row ? NoSuchTransfer(id)
        : !MaySee(caller, row) ? Refusals.PermissionDenied()
        : new TransferLog(
            row.Record.Local, await parts.Journal.Read<TransferEvents.Event>(TransferActor.PersistenceIdOf(id), before, most, ct));

    public async Task<ImmutableArray<TransferView>> List(Caller caller, TransferFilter filter, CancellationToken ct)
    {
        // what is left out of the newest ones has to be made up for by older ones
        var takesAll = caller.IsAdmin && filter is { Local: null, Direction: null, Running: false };
        var rows = await parts.Tables.Newest(takesAll ? filter.Most : MostListed, ct);
        return
        [
            .. rows
                .Where(row => MaySee(caller, row)
                    && (filter.Local is not { } local || row.Record.Local == local)
                    && (filter.Direction is not { } direction || row.Record.Direction == direction)
                    && (!filter.Running || row.Running))
                .Take(filter.Most)
                .Select(row => new TransferView(
                    row.Record, parts.Users.FindById(row.AskedBy)?.Name ?? row.AskedBy, row.AskedAt, row.Node)),
        ];
    }

    public async Task<Outcome<Done>> Cancel(Caller caller, string id, CancellationToken ct)
    {
        var found = await Own(caller, id, ct);
        if (found.Refused(out var refusal))
        {
            return refusal;
        }

        var row = found.Value;
        if (!row.Running)
        {
            return row.Record.HasFailed
                ? default(Done)
                : new Refusal(RefusalCode.Conflict, $"Transfer {id} is finished: there is nothing to cancel.");
        }

        var node = row.Node ?? parts.Env.Node;
        var cancelled = node == parts.Env.Node ? await Cancel(id, caller.User.Id, ct)
            : parts.Services.Link is { } link && parts.Members.IsLive(node) ? await link.Cancel(node, id, caller.User.Id, ct)
            : Refusals.NodeNotUp(node);
        return cancelled;
    }

    public async Task<Outcome<Done>> Retry(Caller caller, string id, CancellationToken ct)
    {
        var found = await Own(caller, id, ct);
        if (found.Refused(out var refusal))
        {
            return refusal;
        }

        var row = found.Value;
        if (row.Running || !row.Record.HasFailed)
        {
            return new Refusal(
                RefusalCode.Conflict, $"Transfer {id} is {(row.Running ? "running" : "finished")}: only one that failed can be tried again.");
        }

        var node = parts.Env.Directory.Find(row.Dot)?.Node ?? parts.Env.Node;
        var again = row with { Node = node, Running = true, Record = row.Record.AskAgain(parts.Now) };
        await parts.Tables.Save(again.Record, node, true, ct);
        await Start(again, node, ct);
        return default(Done);
    }

    public async Task<Outcome<Done>> Run(string transfer, CancellationToken ct)
    {
        if (await parts.Tables.Find(transfer, ct) is not { } row)
        {
            return NoSuchTransfer(transfer);
        }

        transfers.Tell(new TransfersProtocol.Run(row), ActorRefs.NoSender);
        return default(Done);
    }

    public async Task<Outcome<Done>> Cancel(string transfer, string by, CancellationToken ct)
    {
        var cancel = new TransfersProtocol.Cancel(transfer, by);
        transfers.Tell(cancel, ActorRefs.NoSender);
        await cancel.Ended.Task.WaitAsync(ct);

        // one that nobody ran is over with its row
        if (await parts.Tables.Find(transfer, ct) is { Running: true } row)
        {
            var name = parts.Users.FindById(by)?.Name ?? by;
            await parts.Tables.Save(row.Record.Fail($"Cancelled by {name}.", parts.Now), row.Node, false, ct);
        }

        return default(Done);
    }

    private static Refusal NoSuchTransfer(string id) => new(RefusalCode.NotFound, $"No such intercluster transfer {id}");

    /// <summary>A node that does not hear of it finds the row by itself a moment later.</summary>
    private async Task Start(TransferRow row, StorageNodeId node, CancellationToken ct)
    {
        if (node == parts.Env.Node)
        {
            transfers.Tell(new TransfersProtocol.Run(row), ActorRefs.NoSender);
        }
        else if (parts.Services.Link is { } link && (await link.Run(node, row.Id, ct)).Refused(out var refusal))
        {
            parts.Env.Log.LogInformation("transfer {Transfer}: node {Node} was not told of it ({Why}); it looks for itself", row.Id, node, refusal.Message);
        }
    }

    private async Task<Outcome<TransferRow>> Own(Caller caller, string id, CancellationToken ct) =>
        await parts.Tables.Find(id, ct) is not { } row ? NoSuchTransfer(id)
        : caller.IsAdmin || row.AskedBy == caller.User.Id ? row
        : Refusals.PermissionDenied();

    private bool MaySee(Caller caller, TransferRow row) =>
        caller.IsAdmin || row.AskedBy == caller.User.Id || parts.Dots.Resolve(caller, row.Dot, Right.Use) is { Refusal: null };
}
