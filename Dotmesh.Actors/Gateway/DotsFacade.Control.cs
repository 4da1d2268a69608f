using System.Collections.Immutable;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Gateway;

/// <summary>Which node controls a dot, and how many hold it.</summary>
internal sealed partial class DotsFacade
{
    private const int HandoversAtOnce = 4;
    private const int ReasonsShown = 10;

    public async Task<Outcome<Done>> SetReplication(Caller caller, DotTarget target, int copies, CancellationToken ct) =>
        Check(caller, target.Dot, Right.Own) is { } denied
            ? denied
            : await Ask(target.Dot.Id, new DotProtocol.SetReplication(copies, caller.User.Id), ct);

    public async Task<Outcome<Done>> Rename(
        Caller caller, DotTarget master, DotName name, User owner, ImmutableSortedDictionary<string, string> collaborators, CancellationToken ct) =>
        Check(caller, master.Dot, Right.Admin) is { } denied
            ? denied
            : await Ask(master.Dot.Id, new DotProtocol.Rename(name, owner.Id, owner.Name, collaborators, caller.User.Id), ct);

    public async Task<Outcome<Done>> ForceMaster(Caller caller, FilesystemId filesystem, StorageNodeId? to, CancellationToken ct)
    {
        var found = Resolve(caller, filesystem, Right.Admin);
        if (found.Refused(out var refusal))
        {
            return refusal;
        }

        var (row, node) = (found.Value.Dot, to ?? env.Node);
        if (row.Node == node)
        {
            return default(Done);
        }

        if (!members.IsLive(node))
        {
            return Refusals.NodeNotUp(node);
        }

        var held = await views.Held(node, row, ct);
        if (held.Refused(out refusal))
        {
            return refusal;
        }

        if (held.Value.All(copy => copy.Id != row.Id || copy.Count == 0))
        {
            return new Refusal(
                RefusalCode.Conflict, $"Node {node} has no copy of dot {row.Name}: it would control nothing. Choose a node that has one.");
        }

        return await env.Directory.MoveControl(row.Id, row.Epoch, node, ct)
            ? default(Done)
            : new Refusal(RefusalCode.Conflict, $"The control of dot {row.Name} was changed by somebody else meanwhile; look and try again.");
    }

    public async Task<Outcome<Done>> Move(Caller caller, DotTarget target, StorageNodeId to, CancellationToken ct) =>
        Check(caller, target.Dot, Right.Admin) is { } denied ? denied
        : target.Dot.Node == to ? default(Done)
        : !members.IsLive(to) ? new Refusal(RefusalCode.NotFound, $"No node {to} is up to take dot {target.Dot.Name}: Nodes lists the nodes of the cluster.")
        : await HandOver(caller, target.Dot.Id, to, ct);

    private async Task<Outcome<Done>> HandOver(Caller caller, FilesystemId dot, StorageNodeId to, CancellationToken ct)
    {
        var handed = await Ask(dot, new DotProtocol.HandOver(to, caller.User.Id), ct);
        if (handed.Refusal is null && (await Wake(dot, ct)).Refused(out var late))
        {
            // it has the dot all the same, and writes that down when it is first asked for it
            env.Log.LogInformation("dot {Dot}: node {Node} was not woken ({Why})", dot, to, late.Message);
        }

        return handed;
    }

    public async Task<Outcome<DrainResult>> Drain(Caller caller, StorageNodeId node, CancellationToken ct)
    {
        if (!caller.IsAdmin)
        {
            return Refusals.NotAdmin(caller.User.Id);
        }

        if (!members.IsLive(node))
        {
            return Refusals.NodeNotUp(node);
        }

        var others = members.Live.Keys.Where(other => other != node).ToList();
        if (others.Count == 0)
        {
            return new Refusal(RefusalCode.Conflict, $"Node {node} is the only one that is up: there is nobody to hand its dots over to.");
        }

        return await Drain(node, others, ct);
    }

    /// <summary>This node stops; null when there is nobody else.</summary>
    internal async Task<DrainResult?> Drain(CancellationToken ct)
    {
        var others = members.Live.Keys.Where(other => other != env.Node).ToList();
        return others.Count == 0 ? null : await Drain(env.Node, others, ct);
    }

    private async Task<DrainResult> Drain(StorageNodeId node, List<StorageNodeId> others, CancellationToken ct)
    {
        var rows = env.Directory.Dots.Where(row => row.Node == node && row.Status == DotStatus.Active).ToList();
        var held = new Dictionary<StorageNodeId, ImmutableArray<HeldFilesystem>>();
        foreach (var other in others)
        {
            var answer = await views.Held(other, rows, ct);
            held[other] = answer.Refused(out _) ? [] : answer.Value;
        }

        var copies = TakeoverPlan.Choose(rows, held).SelectMany(choice => choice.Value.Select(dot => (dot, choice.Key)))
            .ToDictionary(choice => choice.dot, choice => choice.Key);
        var reasons = new List<string>();
        var moved = 0;
        var options = new ParallelOptions { MaxDegreeOfParallelism = HandoversAtOnce, CancellationToken = CancellationToken.None };
        await Parallel.ForEachAsync(rows, options, async (row, _) =>
        {
            var to = copies.TryGetValue(row.Id, out var best) ? best : others[0];
            var done = ct.IsCancellationRequested ? Refusals.Expired() : await HandOver(row, to, ct);
            lock (reasons)
            {
                if (done.Refused(out var refusal))
                {
                    reasons.Add($"{row.Name}: {refusal.Message}");
                }
                else
                {
                    moved++;
                }
            }
        });
        return new DrainResult(moved, rows.Count - moved, [.. reasons.Take(ReasonsShown)]);
    }

    private async Task<Outcome<Done>> HandOver(DotRow row, StorageNodeId to, CancellationToken ct)
    {
        try
        {
            return await Ask(row.Id, new DotProtocol.HandOver(to, User.AdminId), ct);
        }
        catch (OperationCanceledException)
        {
            return Refusals.Expired();
        }
    }
}
