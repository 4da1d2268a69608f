using System.Collections.Concurrent;
using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;

namespace Dotmesh.Specs.Support;

/// <summary>
/// The domain in memory, with the contract's texts and without storage, for specs of the API alone.
/// Not thread-safe beyond a lock around each call.
/// </summary>
internal sealed class FakeDots(IUsers users, Faults faults, TimeProvider clock, IIdSource ids) : IDots
{
    private readonly ConcurrentDictionary<DotName, DotRow> _dots = new();
    private readonly ConcurrentDictionary<FilesystemId, ImmutableArray<StoredCommit>> _commits = new();

    public StorageNodeId ThisNode { get; } = new("8605113cf4b1cf8c");

    public ImmutableArray<NodeView> Nodes => [new NodeView(ThisNode, ["127.0.0.1"])];

    /// <summary>Awaited by Rediscover: specs make calls hang with it.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Thrown by Rediscover.</summary>
    public Exception? Bug { get; set; }

    /// <summary>Token of the last changing call.</summary>
    public CancellationToken LastToken { get; private set; }

    /// <summary>Everything that a request may have changed, for comparing.</summary>
    public string Fingerprint() => string.Join(
        '\n',
        _dots.Values.OrderBy(dot => dot.Name.ToString(), StringComparer.Ordinal).Select(
            dot => $"{dot.Name} {dot.Id} {string.Join(',', dot.Branches.Keys)} {_commits[dot.Id].Length} {dot.Collaborators.Count}"));

    public Outcome<DotTarget> Resolve(Caller caller, DotName name, string branch, Right right)
    {
        if (!_dots.TryGetValue(name, out var dot))
        {
            return new Refusal(RefusalCode.NotFound, $"No such filesystem named '{name}'");
        }

        if (branch.Length > 0 && !dot.Branches.ContainsKey(branch))
        {
            var none = dot.Branches.IsEmpty ? "No clones at all, let alone named" : "No clone named";
            return new Refusal(RefusalCode.NotFound, $"{none} '{branch}' for filesystem id '{dot.Id}'");
        }

        var target = new DotTarget(dot, branch, branch.Length == 0 ? dot.Id : dot.Branches[branch].Id);
        return Allowed(caller, dot, right) ? target : new Refusal(RefusalCode.Denied, "Permission denied.");
    }

    public Outcome<DotTarget> Resolve(Caller caller, FilesystemId id, Right right)
    {
        foreach (var dot in _dots.Values)
        {
            var branch = dot.Id == id ? "" : dot.Branches.Values.FirstOrDefault(row => row.Id == id)?.Name;
            if (branch is not null)
            {
                return Resolve(caller, dot.Name, branch, right);
            }
        }

        return new Refusal(RefusalCode.NotFound, $"No known filesystem with id {id}");
    }

    public IEnumerable<DotRow> Visible(Caller caller) => _dots.Values.Where(dot => Allowed(caller, dot, Right.Use));

    public Task<Outcome<FilesystemId>> Create(Caller caller, DotName name, CancellationToken ct)
    {
        LastToken = ct;
        if (users.FindByName(name.Namespace) is not { } owner)
        {
            return Now<FilesystemId>(new Refusal(RefusalCode.NotFound, $"Unable to locate owner {name.Namespace}."));
        }

        if (_dots.TryGetValue(name, out var existing))
        {
            return Now<FilesystemId>(
                new Refusal(RefusalCode.AlreadyExists, $"A volume called {name} already exists with id {existing.Id}"));
        }

        faults.Hit("PartialFailCreateFilesystem");
        var id = new FilesystemId(ids.NewId());
        _commits[id] = [];
        Add(id, null, CommitMetadata.Empty.With("message", "Initial commit").With("author", "admin").With("type", "dotmesh.initial"));
        _dots[name] = new DotRow(
            id,
            name,
            owner.Id,
            owner.Name,
            ThisNode,
            1,
            DotStatus.Active,
            ImmutableSortedDictionary<string, string>.Empty,
            ImmutableSortedDictionary<string, BranchRow>.Empty);
        return Now<FilesystemId>(id);
    }

    public Task<Outcome<Done>> Delete(Caller caller, DotName name, CancellationToken ct)
    {
        var target = Resolve(caller, name, "", Right.Own);
        if (target.Refused(out var refusal))
        {
            return Now<Done>(refusal.Code == RefusalCode.Denied
                ? refusal with { Message = $"You are not the owner of volume {name}. Only the owner can delete it." }
                : refusal);
        }

        _dots.TryRemove(name, out _);
        return Now<Done>(default(Done));
    }

    public Task<Outcome<CommitId>> Commit(Caller caller, DotTarget target, CommitRequest request, CancellationToken ct)
    {
        LastToken = ct;
        return Now(Add(target.Filesystem, request.Id, request.Metadata));
    }

    public Task<Outcome<Done>> Rollback(Caller caller, DotTarget target, CommitId to, CancellationToken ct)
    {
        var commits = _commits[target.Filesystem];
        var at = commits.Select(commit => commit.Id).ToList().IndexOf(to);
        if (at < 0)
        {
            return Now<Done>(new Refusal(RefusalCode.NotFound, $"No such commit {to}"));
        }

        _commits[target.Filesystem] = commits[..(at + 1)];
        return Now<Done>(default(Done));
    }

    public Task<Outcome<FilesystemId>> Branch(
        Caller caller, DotTarget source, string newBranch, CommitId at, CancellationToken ct)
    {
        if (!_commits[source.Filesystem].Any(commit => commit.Id == at))
        {
            return Now<FilesystemId>(new Refusal(RefusalCode.NotFound, $"No such commit {at}"));
        }

        var id = new FilesystemId(ids.NewId());
        var row = new BranchRow(newBranch, id, new CommitOrigin(source.Filesystem, at));
        _commits[id] = [];
        _dots[source.Dot.Name] = source.Dot with { Branches = source.Dot.Branches.Add(newBranch, row) };
        return Now<FilesystemId>(id);
    }

    public Task<Outcome<string>> Stash(Caller caller, DotTarget target, CommitId at, CancellationToken ct) =>
        Now<string>("master-DIVERGED-2019-03-04T10-20-30Z");

    public Task<Outcome<Done>> AddCollaborator(Caller caller, DotTarget master, User collaborator, CancellationToken ct)
    {
        _dots[master.Dot.Name] = master.Dot with
        {
            Collaborators = master.Dot.Collaborators.SetItem(collaborator.Id, collaborator.Name),
        };
        return Now<Done>(default(Done));
    }

    public Task<Outcome<Done>> Rename(
        Caller caller, DotTarget master, DotName name, User owner, ImmutableSortedDictionary<string, string> collaborators, CancellationToken ct)
    {
        _dots.TryRemove(master.Dot.Name, out _);
        _dots[name] = master.Dot with { Name = name, OwnerId = owner.Id, OwnerName = owner.Name, Collaborators = collaborators };
        return Now<Done>(default(Done));
    }

    public Task<Outcome<Done>> RemoveCollaborator(Caller caller, DotTarget master, string userId, CancellationToken ct)
    {
        _dots[master.Dot.Name] = master.Dot with { Collaborators = master.Dot.Collaborators.Remove(userId) };
        return Now<Done>(default(Done));
    }

    public Task<Outcome<string>> MountCommit(Caller caller, DotTarget target, CommitId commit, CancellationToken ct) =>
        Now<string>($"/dmfs/{target.Filesystem}@{commit}");

    public Task<Outcome<Done>> Switch(Caller caller, DotName name, string branch, CancellationToken ct) =>
        Task.FromResult(Resolve(caller, name, branch, Right.Admin).Then<Done>(_ => default(Done)));

    public async Task<Outcome<string>> Procure(
        Caller caller, DotName name, string branch, string subdot, CancellationToken ct)
    {
        if (!_dots.ContainsKey(name))
        {
            await Create(caller, name, ct);
        }

        return $"/var/dotmesh/{name}{(branch.Length == 0 ? "" : "@" + branch)}{(subdot.Length == 0 ? "" : "/" + subdot)}";
    }

    public Task<ImmutableArray<DotHappening>> History(DotTarget target, long before, int most, CancellationToken ct) =>
        Task.FromResult(ImmutableArray<DotHappening>.Empty);

    public Task<ImmutableArray<DotHappening>> Happened(Caller caller, Type? kind, long before, int most, CancellationToken ct) =>
        Task.FromResult(ImmutableArray<DotHappening>.Empty);

    public Task<Outcome<ImmutableArray<StoredCommit>>> Commits(DotTarget target, CancellationToken ct) =>
        Now<ImmutableArray<StoredCommit>>(_commits[target.Filesystem]);

    public Task<Outcome<ImmutableArray<MeasuredCommit>>> CommitSizes(DotTarget target, CancellationToken ct) =>
        Now<ImmutableArray<MeasuredCommit>>(
            _commits[target.Filesystem].Select(commit => new MeasuredCommit(commit.Id, 19456)).ToImmutableArray());

    public Task<IReadOnlyList<DotView>> View(IReadOnlyCollection<DotTarget> targets, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<DotView>>([.. targets.Select(target => new DotView(
            target,
            19456,
            0,
            _commits[target.Filesystem].Length,
            ImmutableSortedDictionary<string, ServerView>.Empty.Add(
                ThisNode.Value, new ServerView("active", $"waiting, {_commits[target.Filesystem].Length} commits"))))]);

    public Task<Outcome<long>> PredictSize(DotTarget to, StreamRange range, CancellationToken ct) => Now<long>(26464L);

    public Task<Outcome<ImmutableSortedDictionary<string, ImmutableArray<CommitId>>>> ReplicationLag(
        DotTarget target, CancellationToken ct) => Now<ImmutableSortedDictionary<string, ImmutableArray<CommitId>>>(
            ImmutableSortedDictionary<string, ImmutableArray<CommitId>>.Empty.Add(ThisNode.Value, []));

    public Task<Outcome<Done>> SetReplication(Caller caller, DotTarget target, int copies, CancellationToken ct) =>
        Now<Done>(default(Done));

    public Task<Outcome<Done>> ForceMaster(Caller caller, FilesystemId filesystem, StorageNodeId? to, CancellationToken ct) =>
        Now<Done>(Resolve(caller, filesystem, Right.Admin).Then(_ => (Outcome<Done>)default(Done)));

    public Task<Outcome<DrainResult>> Drain(Caller caller, StorageNodeId node, CancellationToken ct) =>
        Now<DrainResult>(Refusals.NodeNotUp(node));

    public Task<Outcome<Done>> Move(Caller caller, DotTarget target, StorageNodeId to, CancellationToken ct) => Now<Done>(Refusals.NodeNotUp(to));

    public Task<IReadOnlyList<NodeReport>> DescribeNodes(CancellationToken ct) => Task.FromResult<IReadOnlyList<NodeReport>>([]);

    public async Task<Outcome<string>> Rediscover(FilesystemId id, CancellationToken ct)
    {
        LastToken = ct;
        await Gate;
        return Bug is null ? "found" : throw Bug;
    }

    public Task<ImmutableSortedDictionary<string, string>> DumpState(string prefix, CancellationToken ct) =>
        Task.FromResult(ImmutableSortedDictionary<string, string>.Empty.Add("myNodeId", ThisNode.Value));

    private static Task<Outcome<T>> Now<T>(Outcome<T> outcome) => Task.FromResult(outcome);

    private static bool Allowed(Caller caller, DotRow dot, Right right) => caller.IsAdmin || right switch
    {
        Right.Any => true,
        Right.Use => dot.OwnerId == caller.User.Id || dot.Collaborators.ContainsKey(caller.User.Id),
        Right.Own => dot.OwnerId == caller.User.Id,
        _ => false,
    };

    private Outcome<CommitId> Add(FilesystemId filesystem, CommitId? id, CommitMetadata metadata)
    {
        var commit = id ?? new CommitId(ids.NewId());
        if (_commits[filesystem].Any(known => known.Id == commit))
        {
            return new Refusal(RefusalCode.AlreadyExists, $"A commit with id {commit} already exists");
        }

        var now = clock.GetUtcNow();
        _commits[filesystem] = _commits[filesystem].Add(new StoredCommit(commit, 0, now, metadata.Stamped(now)));
        return commit;
    }
}
