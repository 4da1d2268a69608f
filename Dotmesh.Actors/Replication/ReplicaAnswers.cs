using System.Collections.Immutable;
using Akka.Actor;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Actors.Replication;

/// <summary>What this node answers other nodes about copies; see <see cref="IReplicaLink"/>.</summary>
/// <param name="adopt">Has a dot of this node take up a filesystem that arrived in its pool.</param>
internal sealed class ReplicaAnswers(
    DotEnvironment env, HandingIn handingIn, IReplicaLink link, IActorRef replicator,
    Func<FilesystemId, FilesystemId, CancellationToken, Task<Outcome<Done>>> adopt) : IReplicaAnswers
{
    public async Task<Outcome<DotHoldings>> Holdings(HoldingsQuery query, CancellationToken ct)
    {
        if (Controls(query.Dot, query.Epoch).Refused(out var refusal))
        {
            return refusal;
        }

        var generation = env.Directory.Find(query.Dot)!.Generation;
        if (query.Verify && env.Index.OfDot(query.Dot).Any(id => env.Index.Commits(id).Any(commit => commit.Guid == 0)))
        {
            await env.Refresh(env.Index.OfDot(query.Dot), ct);
        }

        return new DotHoldings(
            query.Dot,
            query.Epoch,
            generation,
            [
                .. env.Index.OfDot(query.Dot).Select(env.Index.Find).OfType<StoredFilesystem>()
                    .Select(filesystem => Holding(filesystem, query))
                    .Where(holding => holding.Origin is not null || holding.Count > 0),
            ]);
    }

    public async Task<Outcome<Done>> Send(FetchRequest request, Func<Stream> output, CancellationToken ct)
    {
        if (!handingIn.Offers(request.Range.Filesystem) && Controls(request.Dot, request.Epoch).Refused(out var refusal))
        {
            return refusal;
        }

        if (!env.Index.Has(request.Range.Filesystem, request.Range.To))
        {
            return new Refusal(RefusalCode.Conflict, $"Filesystem {request.Range.Filesystem} has no commit {request.Range.To} any more.");
        }

        var format = request.Format.Length == 0 ? env.Storage.Capabilities.StreamFormat : request.Format;
        if (!env.Storage.Capabilities.Formats().Contains(format))
        {
            return Receiver.WrongFormat(format, env.Storage.Capabilities.Formats());
        }

        await env.Storage.Send(format, request.Range, request.Resume.Length == 0 ? null : request.Resume, output(), ct);
        return default(Done);
    }

    public ImmutableArray<DotVersion> Controlled() =>
    [
        .. env.Directory.Dots
            .Where(row => row.Node == env.Node && row.Status is DotStatus.Active or DotStatus.Changing)
            .Select(row => DotVersion.Of(row.Id, env.Index)),
    ];

    public ImmutableArray<HeldFilesystem> Held(ImmutableArray<FilesystemId> filesystems) =>
        [.. filesystems.Where(env.Index.Contains).Select(id => HeldFilesystem.Of(id, env.Index))];

    public async Task<Outcome<Done>> Sync(FilesystemId dot, long epoch, CancellationToken ct)
    {
        if (env.Directory.Find(dot) is not { } row || row.Epoch != epoch)
        {
            return new Refusal(RefusalCode.Conflict, $"Node {env.Node} knows dot {dot} at another epoch than {epoch}.");
        }

        var request = new ReplicatorProtocol.SyncNow(dot);
        replicator.Tell(request, ActorRefs.NoSender);
        return await request.Answer.Task.WaitAsync(ct);
    }

    public async Task<Outcome<Done>> HandIn(HandInRequest request, CancellationToken ct)
    {
        if (Controls(request.Dot, request.Epoch).Refused(out var refusal))
        {
            return refusal;
        }

        try
        {
            // the directory alone does not say that it is here: who made it may have lost the dot before anybody copied it
            if (env.Directory.FindFilesystem(request.Filesystem) is not null && env.Index.Contains(request.Filesystem))
            {
                return default(Done);
            }

            return (await Fetch(request, ct)).Refused(out refusal)
                ? refusal
                : await adopt(request.Dot, request.Filesystem, ct);
        }
        catch (StorageException failure)
        {
            return Refusals.From(failure);
        }
    }

    private async Task<Outcome<Done>> Fetch(HandInRequest request, CancellationToken ct)
    {
        if (env.Index.Contains(request.Filesystem))
        {
            return default(Done);
        }

        if (!env.Index.Has(request.Origin.Filesystem, request.Origin.Commit))
        {
            return new Refusal(
                RefusalCode.Conflict, $"{request.Origin.Filesystem}@{request.Origin.Commit}, where {request.Filesystem} starts, is not here.");
        }

        using var running = env.Running.Enter(request.Dot);
        var labels = request.Labels with { Replica = false, Epoch = request.Epoch };
        if (request.Newest is { } newest)
        {
            var range = new StreamRange(request.Filesystem, request.Origin, newest);
            var fetched = await link.Fetch(
                request.From,
                new FetchRequest(request.Dot, request.Epoch, range),
                (stream, token) => env.Storage.Receive(range, labels, stream, token),
                ct);
            if (fetched.Refused(out var refusal))
            {
                return refusal;
            }
        }
        else
        {
            await env.Storage.Branch(request.Origin.Filesystem, request.Origin.Commit, request.Filesystem, labels, ct);
        }

        await env.Refresh([request.Filesystem], ct);
        return default(Done);
    }

    private FilesystemHolding Holding(StoredFilesystem filesystem, HoldingsQuery query)
    {
        var labels = filesystem.Labels!;
        var common = !query.Verify && query.Known.TryGetValue(filesystem.Id.Value, out var known)
            && known.Count <= filesystem.Commits.Length && filesystem.Commits[known.Count - 1].Id == known.Newest
                ? known.Count
                : 0;
        return new FilesystemHolding(filesystem.Id, labels, filesystem.Origin, common, [.. filesystem.Commits.Skip(common)]);
    }

    private Outcome<Done> Controls(FilesystemId dot, long epoch) =>
        env.Fenced() is { } fenced
            ? fenced
            : env.Directory.Find(dot) is { } row && row.Node == env.Node && row.Epoch == epoch
                ? default(Done)
                : new Refusal(RefusalCode.Conflict, $"Node {env.Node} does not control dot {dot} at epoch {epoch}.");
}
