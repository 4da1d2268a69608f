using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Filesystems;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>How a copy is made, on a pool in memory.</summary>
public sealed class ReplicaSyncSpec : IDisposable
{
    private static readonly FilesystemId Dot = new("dot");
    private static readonly FilesystemId Side = new("side");
    private static readonly CommitId First = new("first");
    private static readonly StorageNodeId Owner = StorageNodeId.FromGuid(1);
    private static readonly FilesystemLabels Labels =
        new(Dot, new DotName("admin", "d"), "", "0", "admin", ImmutableSortedDictionary<string, string>.Empty);

    private readonly ScratchFolder _folder = new();
    private readonly CancellationTokenSource _interrupted = new();
    private readonly MemoryDirectory _directory = new();
    private readonly MemoryStorage _storage;

    public ReplicaSyncSpec() => _storage = new MemoryStorage(_folder.Path);

    [Fact]
    public async Task A_branch_whose_copy_was_interrupted_when_it_was_made_goes_when_its_dot_is_deleted()
    {
        var (env, sync, link) = await Node(Labels with { Replica = true });
        link.There = [.. link.There, new FilesystemHolding(Side, Labels with { Branch = "side" }, new CommitOrigin(Dot, First), 0, [])];

        Assert.NotNull((await sync.Run(Dot, _interrupted.Token)).Refusal);
        Assert.Equal(2, (await _storage.List(default)).Count);
        await _directory.Remove(Dot, default);
        Assert.Null((await sync.Run(Dot, default)).Refusal);

        Assert.Empty(await _storage.List(default));
        Assert.Equal(0, env.Index.Filesystems);
    }

    [Fact]
    public async Task What_only_a_former_owner_has_is_handed_in_although_splitting_it_off_was_interrupted()
    {
        var (_, sync, link) = await Node(Labels);
        _storage.Write(Dot, "file", "not committed");

        await sync.Run(Dot, _interrupted.Token);
        await sync.Run(Dot, default);

        Assert.StartsWith("master-DIVERGED-", Assert.Single(link.HandedIn).Labels.Branch, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _interrupted.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_commit_that_is_made_while_its_filesystem_is_read_again_stays_known()
    {
        var (env, _, _) = await Node(Labels);
        var (second, once) = (new CommitId("second"), 0);
        _storage.After = async (operation, id, ct) =>
        {
            if (operation == "find" && Interlocked.Increment(ref once) == 1)
            {
                env.Index.Append(id, await _storage.Commit(id, second, CommitMetadata.Empty, ct));
            }
        };

        await env.Refresh([Dot], default);

        Assert.Equal([First, second], env.Index.Commits(Dot).Select(commit => commit.Id));
    }

    /// <summary>
    /// With the first commit of the dot, which another node controls. What it makes beside it is interrupted: it is in the pool, and not looked
    /// at yet.
    /// </summary>
    private async Task<(DotEnvironment Env, ReplicaSync Sync, Told Link)> Node(FilesystemLabels labels)
    {
        await _storage.Create(Dot, labels, default);
        await _storage.Commit(Dot, First, CommitMetadata.Empty, default);
        _storage.Before = async (operation, id, ct) =>
        {
            if (operation == "find" && id != Dot)
            {
                await _interrupted.CancelAsync();
                ct.ThrowIfCancellationRequested();
            }
        };
        await _directory.Reserve(
            new DotRow(
                Dot, Labels.Name, "0", "admin", Owner, 1, DotStatus.Active, ImmutableSortedDictionary<string, string>.Empty,
                ImmutableSortedDictionary<string, BranchRow>.Empty),
            default);
        var index = new PoolIndex();
        index.Load(await _storage.List(default));
        var (time, log) = (TimeProvider.System, NullLogger.Instance);
        var usage = new UsageCache(_storage, time, TimeSpan.Zero, TimeSpan.FromSeconds(1), log, default);
        var env = new DotEnvironment(
            _storage.Node, _storage, _directory, index, new FilesystemStates(index), usage, new MountLinks(_folder.Path), new Faults(), time,
            new RandomIds(), log, 10, default);
        var link = new Told { There = [new FilesystemHolding(Dot, Labels, null, 0, (await _storage.Find(Dot, default))!.Commits)] };
        return (env, new ReplicaSync(env, link, new HandingIn(env, link, (_, _, _) => Task.FromResult<Outcome<Done>>(Refusals.NodeStarting()))), link);
    }

    /// <summary>A controlling node that says what it holds and is handed in what it has not; it sends nothing.</summary>
    private sealed class Told : IReplicaLink
    {
        public ImmutableArray<FilesystemHolding> There { get; set; }

        public List<HandInRequest> HandedIn { get; } = [];

        public Task<Outcome<DotHoldings>> Holdings(StorageNodeId node, HoldingsQuery query, CancellationToken ct) =>
            Task.FromResult<Outcome<DotHoldings>>(new DotHoldings(Dot, 1, 0, There));

        public Task<Outcome<Done>> Fetch(
            StorageNodeId node, FetchRequest request, Func<Stream, CancellationToken, Task> read, CancellationToken ct) =>
            throw new NotSupportedException();

        public Task<Outcome<ImmutableArray<DotVersion>>> Controlled(StorageNodeId node, CancellationToken ct) => throw new NotSupportedException();

        public Task<Outcome<ImmutableArray<HeldFilesystem>>> Held(
            StorageNodeId node, ImmutableArray<FilesystemId> filesystems, CancellationToken ct) => throw new NotSupportedException();

        public Task<Outcome<Done>> Sync(StorageNodeId node, FilesystemId dot, long epoch, CancellationToken ct) => throw new NotSupportedException();

        public Task<Outcome<Done>> HandIn(StorageNodeId node, HandInRequest request, CancellationToken ct)
        {
            HandedIn.Add(request);
            return Task.FromResult<Outcome<Done>>(default(Done));
        }
    }
}
