using Akka.Actor;
using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Filesystems;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>What every dot of this node works with.</summary>
/// <param name="MaxQueued">Commands that one dot takes before it refuses more.</param>
/// <param name="Stopping">Ends storage operations when the node stops.</param>
internal sealed record DotEnvironment(
    StorageNodeId Node,
    IStorage Storage,
    IDirectory Directory,
    PoolIndex Index,
    FilesystemStates States,
    UsageCache Usage,
    MountLinks Links,
    Faults Faults,
    TimeProvider Time,
    IIdSource Ids,
    ILogger Log,
    int MaxQueued,
    CancellationToken Stopping)
{
    /// <summary>Storage work that outlived its actor; the next incarnation waits for it.</summary>
    public RunningWork Running { get; } = new();

    public JournalTrouble JournalTrouble { get; } = new(Time, Log);

    /// <summary>Streams of other clusters that wait for the dot that they go into.</summary>
    public Arrivals Arrivals { get; } = new();

    /// <summary>Told after each event of a dot that this node controls; must not block.</summary>
    public Action<FilesystemId> Changed { get; set; } = _ => { };

    /// <summary>Of this node's host.</summary>
    public IContainers Containers { get; set; } = NoContainers.Instance;

    /// <summary>Null where there are no other nodes.</summary>
    public IReplicaLink? Link { get; set; }

    /// <summary>Why this node may not write now; null when it may (design D9).</summary>
    public Func<Refusal?> Fenced { get; set; } = () => null;

    /// <summary>Why commands may reach no dot, when it is the database; null as far as is known here.</summary>
    public Refusal? DatabaseAway(FilesystemId dot) => Fenced() ?? (JournalTrouble.IsFresh ? Refusals.JournalUnreadable(dot) : null);

    /// <summary>
    /// Reads filesystems from the pool again, because an operation may have changed more than itself. What is done to one of them meanwhile
    /// stays known: it is read once more.
    /// </summary>
    public async Task Refresh(IEnumerable<FilesystemId> filesystems, CancellationToken ct)
    {
        foreach (var id in filesystems.ToList())
        {
            PoolIndex.Seen seen;
            do
            {
                seen = Index.Look(id);
            }
            while (!Index.TryPut(id, await Storage.Find(id, ct), seen));

            Usage.Invalidate(id);
        }
    }

    /// <summary>In the pool, and as it is known in memory.</summary>
    public async Task SetLabels(FilesystemId id, FilesystemLabels labels, CancellationToken ct)
    {
        await Storage.SetLabels(id, labels, ct);
        Index.SetLabels(id, labels);
    }

    /// <summary>From the pool and from all that is known of it in memory.</summary>
    public async Task Destroy(FilesystemId id, CancellationToken ct)
    {
        await Storage.Destroy(id, ct);
        Index.Remove(id);
        Usage.Forget(id);
    }

    /// <summary>What this node still has of a dot that was deleted elsewhere; whoever calls this is alone with it (<see cref="Running"/>).</summary>
    /// <returns>What the dot was called, as far as its labels tell.</returns>
    public async Task<DotName?> DropDeleted(FilesystemId dot, CancellationToken ct)
    {
        if (await Containers.Users(Index.OfDot(dot), ct) is { Length: > 0 } users)
        {
            throw new StorageException(StorageFailure.Busy, $"{users} still uses dot {dot}, which was deleted: it goes when that is stopped");
        }

        var here = Index.OfDot(dot).Select(Index.Find).OfType<StoredFilesystem>().ToDictionary(filesystem => filesystem.Id);
        foreach (var id in DotDecisions.LeavesFirst(here.ToDictionary(pair => pair.Key, pair => pair.Value.Origin)))
        {
            await Destroy(id, ct);
        }

        var name = here.Values.Select(filesystem => filesystem.Labels?.Name).FirstOrDefault(found => found is not null);
        if (name is { } known)
        {
            Links.Remove(known, [.. here.Values.Select(filesystem => (filesystem.Labels?.Branch ?? "", filesystem.Id))]);
        }

        return name;
    }
}

/// <summary>The event could not be written; this incarnation is over.</summary>
internal sealed class JournalException(string message, bool fenced, Exception? inner = null) : Exception(message, inner)
{
    public bool Fenced { get; } = fenced;
}

/// <summary>The lease of this node may have gone to another meanwhile: nothing may be acknowledged.</summary>
internal sealed class LeaseOverdueException() : Exception("the lease of this node is overdue");

/// <summary>The deadline passed while the operation waited for its filesystem.</summary>
internal sealed class WaitedTooLongException() : Exception("The deadline passed before the operation began.");

/// <summary>
/// The doors of one dot actor for its operations, which run beside the mailbox: state is read, events are recorded and
/// filesystems are worked on through here. An operation is written top down and awaits; the actor never does.
/// </summary>
internal sealed class DotScope(
    FilesystemId dot, DotEnvironment env, IActorRef actor, Func<DotState> state, CancellationToken stopping)
{
    public FilesystemId Dot => dot;

    public DotEnvironment Env => env;

    /// <summary>As of now; immutable.</summary>
    public DotState State => state();

    public DateTimeOffset Now => env.Time.GetUtcNow();

    public void Hit(string faultPoint) => env.Faults.Hit(faultPoint);

    /// <summary>Where the dot is controlled, when that is not here at this epoch any more; a dot without a row is where it is asked.</summary>
    public DotProtocol.Moved? Moved(long epoch) =>
        env.Directory.Find(dot) is { } row && (row.Node != env.Node || row.Epoch != epoch) ? new(row.Node, row.Epoch) : null;

    /// <summary>Persists and applies. Throws <see cref="JournalException"/>; after that the actor is gone.</summary>
    public async Task Record(DotEvents.Event happened, bool tellOthers = true)
    {
        Overdue();
        var request = new RecordEvent(happened, tellOthers);
        actor.Tell(request, ActorRefs.NoSender);
        await JournalWrites.Done(request.Written, stopping);

        // written in time means: before anybody could have taken the dot, so that whoever takes it reads this event
        Overdue();
    }

    private void Overdue()
    {
        if (env.Fenced() is not null)
        {
            throw new LeaseOverdueException();
        }
    }

    /// <summary>Writes the directory's row from the state.</summary>
    public Task Project() => env.Directory.Project(State.Row(), env.Stopping);

    /// <summary>
    /// Before an intent is recorded: the row tells the next start to wake this dot. An intent that nobody wakes would be
    /// carried out much later, over data written since.
    /// </summary>
    public Task Mark(DotStatus status) => env.Directory.Project(State.Row() with { Status = status }, env.Stopping);

    /// <summary>Runs <paramref name="body"/> when it is the filesystem's turn.</summary>
    public async Task<T> On<T>(
        FilesystemId filesystem, string work, DateTimeOffset? deadline, Func<IStorage, CancellationToken, Task<T>> body)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = new FilesystemProtocol.Run(
            work,
            deadline,
            () => Complete(answer, () => body(env.Storage, env.Stopping)),
            () => answer.TrySetException(new WaitedTooLongException()),
            () => answer.TrySetCanceled(CancellationToken.None));
        actor.Tell(new OnFilesystem(filesystem, run), ActorRefs.NoSender);
        return await answer.Task.WaitAsync(stopping);
    }

    public Task On(FilesystemId filesystem, string work, DateTimeOffset? deadline, Func<IStorage, CancellationToken, Task> body) =>
        On<Done>(filesystem, work, deadline, async (storage, ct) =>
        {
            await body(storage, ct);
            return default;
        });

    /// <summary>Answers where.</summary>
    public Task<string> Mount(FilesystemId filesystem, DateTimeOffset? deadline = null, Action? then = null) =>
        On(filesystem, "mounting", deadline, async (storage, ct) =>
        {
            var path = await storage.Mount(filesystem, ct);
            env.Index.SetMounted(filesystem, true);
            then?.Invoke();
            return path;
        });

    /// <summary>Names of the containers here that use the dot; empty when none does.</summary>
    public Task<string> Users() => env.Containers.Users([.. State.Filesystems.Keys], env.Stopping);

    /// <inheritdoc cref="DotEnvironment.Refresh"/>
    public Task Refresh(IEnumerable<FilesystemId> filesystems) => env.Refresh(filesystems, env.Stopping);

    /// <summary>What the index knows of this dot: what the journal names, and what is labelled with it.</summary>
    public IReadOnlyCollection<StoredFilesystem> InPool() =>
        [.. State.Filesystems.Keys.Union(env.Index.OfDot(dot)).Select(env.Index.Find).OfType<StoredFilesystem>()];

    // the actor may end first: what the body did is in the index all the same, and the next incarnation waits for it
    private async Task Complete<T>(TaskCompletionSource<T> answer, Func<Task<T>> body)
    {
        using var running = env.Running.Enter(dot);
        try
        {
            answer.TrySetResult(await body());
        }
        catch (Exception failure)
        {
            answer.TrySetException(failure);
        }
    }

    internal sealed record RecordEvent(DotEvents.Event Happened, bool TellOthers) : INoSerializationVerificationNeeded
    {
        public TaskCompletionSource Written { get; } = JournalWrites.New();
    }

    internal sealed record OnFilesystem(FilesystemId Filesystem, FilesystemProtocol.Run Run) : INoSerializationVerificationNeeded;
}
