using System.Collections.Immutable;
using System.Diagnostics;
using Akka.Actor;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Gateway;

/// <summary>
/// <see cref="IDots"/>: names and rights are settled here, from memory; what changes a dot goes through the gateway actor;
/// what only reads comes from the directory and the pool index and wakes nobody.
/// </summary>
internal sealed partial class DotsFacade(
    IActorRef gateway,
    DotEnvironment env,
    IUsers users,
    NodeViews views,
    Membership members,
    DotmeshSystemSettings settings) : IDots
{
    public StorageNodeId ThisNode => env.Node;

    public ImmutableArray<NodeView> Nodes => views.Nodes;

    public Outcome<DotTarget> Resolve(Caller caller, DotName name, string branch, Right right)
    {
        if (env.Directory.Find(name) is not { Status: DotStatus.Active or DotStatus.Changing } row)
        {
            return Refusals.NoSuchDot(name);
        }

        if (Check(caller, row, right) is { } denied)
        {
            return denied;
        }

        if (branch.Length == 0)
        {
            return row.Master();
        }

        return row.Branches.TryGetValue(branch, out var found)
            ? new DotTarget(row, branch, found.Id)
            : Refusals.NoSuchBranch(branch, row.Id, row.Branches.Count > 0);
    }

    public Outcome<DotTarget> Resolve(Caller caller, FilesystemId id, Right right)
    {
        if (env.Directory.FindFilesystem(id) is not { Dot.Status: DotStatus.Active or DotStatus.Changing } target)
        {
            return Refusals.NoSuchFilesystem(id);
        }

        return Check(caller, target.Dot, right) is { } denied ? denied : target;
    }

    public IEnumerable<DotRow> Visible(Caller caller) => env.Directory.Dots.Where(row =>
        row.Status is DotStatus.Active or DotStatus.Changing && Check(caller, row, Right.Use) is null);

    public async Task<Outcome<CommitId>> Commit(Caller caller, DotTarget target, CommitRequest request, CancellationToken ct)
    {
        if (request.Replicated && views.TooFewNodes(target.Dot) is { } tooFew)
        {
            return tooFew;
        }

        var id = request.Id ?? new CommitId(env.Ids.NewId());
        var committed = await Ask<DotProtocol.Committed, CommitId>(
            target.Dot.Id,
            new DotProtocol.Commit(target.Filesystem, id, request.Metadata, caller.User.Id),
            done => done.Id,
            ct);
        return request.Replicated && committed.Refusal is null && (await views.AwaitCopies(target, id, ct)).Refused(out var refusal)
            ? refusal
            : committed;
    }

    public Task<Outcome<Done>> Rollback(Caller caller, DotTarget target, CommitId to, CancellationToken ct) =>
        Ask(target.Dot.Id, new DotProtocol.Rollback(target.Filesystem, to, caller.User.Id), ct);

    public async Task<Outcome<FilesystemId>> Branch(
        Caller caller, DotTarget source, string newBranch, CommitId at, CancellationToken ct)
    {
        var id = new FilesystemId(env.Ids.NewId());
        var command = new DotProtocol.Branch(source.Filesystem, at, newBranch, id, caller.User.Id);
        return (await Ask(source.Dot.Id, command, ct)).Then<FilesystemId>(_ => id);
    }

    public Task<Outcome<string>> Stash(Caller caller, DotTarget target, CommitId at, CancellationToken ct) =>
        Ask<DotProtocol.Stashed, string>(
            target.Dot.Id,
            new DotProtocol.Stash(target.Filesystem, at, new FilesystemId(env.Ids.NewId()), caller.User.Id),
            stashed => stashed.Branch,
            ct);

    public async Task<Outcome<Done>> AddCollaborator(
        Caller caller, DotTarget master, User collaborator, CancellationToken ct)
    {
        if (master.Branch.Length > 0)
        {
            return new Refusal(RefusalCode.Invalid, "Please add collaborators to the master branch of the dot");
        }

        if (Check(caller, master.Dot, Right.Own) is not null)
        {
            return new Refusal(RefusalCode.Denied, "Not owner. Please ask the owner to add the collaborator.");
        }

        return await Ask(
            master.Dot.Id, new DotProtocol.AddCollaborator(collaborator.Id, collaborator.Name, caller.User.Id), ct);
    }

    public async Task<Outcome<Done>> RemoveCollaborator(
        Caller caller, DotTarget master, string userId, CancellationToken ct)
    {
        if (master.Branch.Length > 0)
        {
            return new Refusal(RefusalCode.Invalid, "Please remove collaborators from the master branch of the dot");
        }

        if (Check(caller, master.Dot, Right.Own) is not null)
        {
            return new Refusal(RefusalCode.Denied, "Not owner. Please ask the owner to remove the collaborator.");
        }

        if (userId == master.Dot.OwnerId)
        {
            return new Refusal(RefusalCode.Invalid, "You cannot remove yourself as a collaborator from a dot.");
        }

        if (!master.Dot.Collaborators.ContainsKey(userId))
        {
            var name = users.FindById(userId)?.Name ?? userId;
            return new Refusal(RefusalCode.NotFound, $"{name} is not a collaborator on this dot so cannot remove.");
        }

        return await Ask(master.Dot.Id, new DotProtocol.RemoveCollaborator(userId, caller.User.Id), ct);
    }

    public Task<Outcome<string>> MountCommit(Caller caller, DotTarget target, CommitId commit, CancellationToken ct) =>
        Ask<DotProtocol.Mounted, string>(
            target.Dot.Id,
            new DotProtocol.MountCommit(target.Filesystem, commit, caller.User.Id),
            mounted => mounted.Path,
            ct);

    public Task<Outcome<long>> PredictSize(DotTarget to, StreamRange range, CancellationToken ct) =>
        Ask<DotProtocol.Predicted, long>(
            to.Dot.Id, new DotProtocol.PredictSize(range, User.AdminId), predicted => predicted.Bytes, ct);

    public async Task<Outcome<string>> Rediscover(FilesystemId id, CancellationToken ct) =>
        env.Directory.FindFilesystem(id) is { } target
            ? await Ask<DotProtocol.Found, string>(
                target.Dot.Id, new DotProtocol.Rediscover(id, User.AdminId), found => found.Text, ct)
            : Refusals.NoSuchFilesystem(id);

    /// <summary>From the start-up repair.</summary>
    internal Task<Outcome<Done>> Wake(FilesystemId dot, CancellationToken ct) => Ask(dot, new DotProtocol.Wake("system"), ct);

    /// <summary>From a node that controlled the dot before: the filesystem is in the pool.</summary>
    internal Task<Outcome<Done>> TakeIn(FilesystemId dot, FilesystemId filesystem, CancellationToken ct) =>
        Ask(dot, new DotProtocol.TakeIn(filesystem, "system"), ct);

    /// <summary>From a node whose containers went on with the dot while another one took it: here it is settled before anybody uses it.</summary>
    internal async Task<Outcome<Done>> AskBack(FilesystemId dot, ImmutableArray<SeenFilesystem> seen, CancellationToken ct)
    {
        var given = await Ask(dot, new DotProtocol.GiveBack(env.Node, seen, "system"), ct);
        if (given.Refusal is null)
        {
            _ = Settle(dot);
        }

        return given;
    }

    /// <summary>Beside: it waits until whoever asked has let go of the dot.</summary>
    private async Task Settle(FilesystemId dot)
    {
        if ((await Wake(dot, env.Stopping)).Refused(out var refusal))
        {
            env.Log.LogWarning("dot {Dot} came back and is settled when it is next used: {Refusal}", dot, refusal);
        }
    }

    /// <summary>Commits that are at this node's door. The answer may come before the end: see <see cref="Arrival.Ended"/>.</summary>
    internal Task<Outcome<Done>> Receive(FilesystemId dot, DotProtocol.Receive command, CancellationToken ct) => Ask(dot, command, ct);

    private static Refusal? Check(Caller caller, DotRow row, Right right) => right switch
    {
        Right.Any => null,
        _ when caller.IsAdmin => null,
        Right.Admin => Refusals.NotAdmin(caller.User.Id),
        _ when caller.User.Id == row.OwnerId => null,
        Right.Use when row.Collaborators.ContainsKey(caller.User.Id) => null,
        _ => Refusals.PermissionDenied(),
    };

    private Task<Outcome<Done>> Ask(FilesystemId dot, DotProtocol.Command command, CancellationToken ct) =>
        Ask<DotProtocol.Finished, Done>(dot, command, _ => default, ct);

    private async Task<Outcome<TValue>> Ask<TReply, TValue>(
        FilesystemId dot, DotProtocol.Command command, Func<TReply, TValue> value, CancellationToken ct)
        where TReply : DotProtocol.Reply
    {
        var request = new GatewayProtocol.Send(
            dot, command, env.Time.GetUtcNow() + settings.Deadline, Activity.Current?.Id ?? "");
        gateway.Tell(request, ActorRefs.NoSender);
        DotProtocol.Reply reply;
        try
        {
            // the gateway answers by the deadline; the slack is for a gateway that died
            reply = await request.Answer.Task.WaitAsync(settings.Deadline + TimeSpan.FromSeconds(5), env.Time, ct);
        }
        catch (TimeoutException)
        {
            return Refusals.Expired();
        }

        return reply switch
        {
            TReply expected => value(expected),
            DotProtocol.Refused refused => new Refusal(refused.Code, refused.Message),
            _ => throw new InvalidOperationException($"{command.GetType().Name} was answered with {reply}"),
        };
    }
}
