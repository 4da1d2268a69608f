using System.Collections.Concurrent;
using System.Collections.Immutable;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;

namespace Dotmesh.Actors.Transfers;

/// <summary>A stream of commits at the door of this cluster.</summary>
/// <param name="Dot">The dot that it belongs to.</param>
/// <param name="Name">What the dot is to be called when it is not here yet.</param>
/// <param name="BranchName">What the filesystem is to be called when it is not here yet; <c>""</c> for the master branch.</param>
/// <param name="Format">Of the stream.</param>
/// <param name="Commits">Metadata of the commits where the stream has none.</param>
/// <param name="Content">Read once. That it is complete is known when a read answers 0.</param>
internal sealed record IncomingStream(
    FilesystemId Dot, DotName Name, StreamRange Range, string BranchName, string Format,
    ImmutableArray<CommitProperties>? Commits, Stream Content, string By);

/// <summary>
/// Brings commits of another cluster to the node that controls the dot, and there into the dot. A dot that is not here yet begins on the
/// node that the stream came to.
/// </summary>
internal sealed class Receiver(DotEnvironment env, DotsFacade dots, IUsers users, Membership members, ITransferLink? link)
{
    private readonly ConcurrentDictionary<string, IncomingStream> _offered = new(StringComparer.Ordinal);

    /// <summary>
    /// All of the stream's commits, or a refusal and nothing of it. What breaks off on the way is thrown (<see cref="IOException"/>,
    /// <see cref="StorageException"/>), and nothing of it is seen.
    /// </summary>
    public async Task<Outcome<Done>> Receive(IncomingStream incoming, CancellationToken ct)
    {
        if (!env.Storage.Capabilities.Formats().Contains(incoming.Format))
        {
            return WrongFormat(incoming.Format, env.Storage.Capabilities.Formats());
        }

        var row = env.Directory.Find(incoming.Dot);
        if (row is null)
        {
            var reserved = await Reserve(incoming, ct);
            if (reserved.Refused(out var refusal))
            {
                return refusal;
            }

            row = reserved.Value;
        }

        return row.Node == env.Node ? await Here(incoming, ct)
            : link is null || !members.IsLive(row.Node) ? Refusals.NodeNotUp(row.Node)
            : await There(row.Node, link, incoming, ct);
    }

    /// <summary>Another node of this cluster has a stream for a dot that this one controls.</summary>
    public async Task<Outcome<Done>> Fetch(OfferedStream offer, CancellationToken ct)
    {
        if (link is null || env.Directory.Find(offer.Dot) is not { } row || row.Node != env.Node)
        {
            return new Refusal(RefusalCode.Conflict, $"Node {env.Node} does not control dot {offer.Dot} any more: transfer it again.");
        }

        var outcome = default(Outcome<Done>);
        var fetched = await link.FetchOffered(
            offer.From,
            offer.Ticket,
            async (content, token) => outcome = await Here(
                new IncomingStream(offer.Dot, row.Name, offer.Range, offer.BranchName, offer.Format, offer.Commits, content, offer.By), token),
            ct);
        return fetched.Refused(out var refusal) ? refusal : outcome;
    }

    /// <summary>What this node offered is fetched.</summary>
    public async Task<Outcome<Done>> SendOffered(string ticket, Func<Stream> output, CancellationToken ct)
    {
        if (!_offered.TryRemove(ticket, out var incoming))
        {
            return new Refusal(RefusalCode.NotFound, $"Node {env.Node} offers no stream {ticket}.");
        }

        await incoming.Content.CopyToAsync(output(), ct);
        return default(Done);
    }

    internal static Refusal WrongFormat(string theirs, IReadOnlyCollection<string> ours) => new(
        RefusalCode.Conflict,
        $"The other side's storage speaks '{theirs}' and this one's speaks '{string.Join("', '", ours)}': data cannot go from one to the other. Use "
        + "the same kind of storage (Storage:Driver) on both sides.");

    private async Task<Outcome<DotRow>> Reserve(IncomingStream incoming, CancellationToken ct)
    {
        if (incoming.Range.From is not null || incoming.Range.Filesystem != incoming.Dot)
        {
            return Refusals.NoSuchFilesystem(incoming.Range.Filesystem);
        }

        if (users.FindByName(incoming.Name.Namespace) is not { } owner)
        {
            return Refusals.NoOwner(incoming.Name.Namespace);
        }

        var (row, _) = await env.Directory.Reserve(
            new DotRow(
                incoming.Dot, incoming.Name, owner.Id, owner.Name, env.Node, 1, DotStatus.Creating,
                ImmutableSortedDictionary<string, string>.Empty, ImmutableSortedDictionary<string, BranchRow>.Empty),
            ct);
        return row.Id == incoming.Dot ? row : Refusals.DotExists(incoming.Name, row.Id);
    }

    private async Task<Outcome<Done>> Here(IncomingStream incoming, CancellationToken ct)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var content = new EndFirst(incoming.Content);
        var arrival = new Arrival(
            env.Ids.NewId(),
            (storage, labels, token) => storage.Receive(incoming.Format, incoming.Range, labels, incoming.Commits, content, token),
            gone.Token);
        env.Arrivals.Add(arrival);
        var answer = await dots.Receive(
            incoming.Dot, new DotProtocol.Receive(arrival.Ticket, incoming.Range, incoming.BranchName, incoming.By), ct);
        if (env.Arrivals.Take(arrival.Ticket) is not null)
        {
            // it never got there
            return answer;
        }

        try
        {
            return await arrival.Ended.Task.WaitAsync(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // the stream's owner must not let go of it while it is read
            await gone.CancelAsync();
            await arrival.Ended.Task.ContinueWith(
                static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            throw;
        }
        catch (StorageException failure) when (failure.Failure == StorageFailure.Modified)
        {
            // in the words of the pool's own tool, which clients look for (contract 6.3, behaviour 74)
            return new Refusal(
                RefusalCode.Conflict,
                $"cannot receive incremental stream: destination {incoming.Range.Filesystem} has been modified\nsince most recent snapshot");
        }
        catch (StorageException failure)
        {
            return Refusals.From(failure);
        }
        catch (InjectedFaultException injected)
        {
            return Refusals.From(injected);
        }
        catch (Exception failure) when (failure is not (IOException or OperationCanceledException))
        {
            // the dot's operation has logged it; what reached the pool is taken up when the dot is next used
            return new Refusal(RefusalCode.Unavailable, $"receiving {incoming.Range.Filesystem} failed: {failure.Message}");
        }
    }

    private async Task<Outcome<Done>> There(StorageNodeId node, ITransferLink nodes, IncomingStream incoming, CancellationToken ct)
    {
        var ticket = env.Ids.NewId();
        _offered[ticket] = incoming;
        try
        {
            return await nodes.Receive(
                node,
                new OfferedStream(
                    ticket, env.Node, incoming.Dot, incoming.Range, incoming.BranchName, incoming.Format, incoming.Commits, incoming.By),
                ct);
        }
        finally
        {
            _offered.TryRemove(ticket, out _);
        }
    }
}
