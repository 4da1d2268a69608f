using System.Collections.Immutable;
using Dotmesh.Actors.Database;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Clustering;

/// <summary>How long a node may be silent towards the database (design D9).</summary>
/// <param name="Ttl">A lease that was not renewed for so long has expired: others may take the node's dots.</param>
/// <param name="Renewal">Time between two renewals; a third of the ttl, so that one that is lost costs nothing.</param>
/// <param name="Margin">A node stops writing this much before its lease expires by its own clock.</param>
public sealed record LeaseTimes(TimeSpan Ttl, TimeSpan Renewal, TimeSpan Margin)
{
    public static readonly LeaseTimes Default = new(TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1));
}

/// <summary>
/// This node's row among the nodes of the cluster: the lease that says it is alive, where it is reached, and the others
/// (design D9). Who holds the lease of a storage node id is its one live process.
/// </summary>
public sealed class NodeRegistry(
    SqlDatabase database, NodeIdentity self, LeaseTimes times, TimeProvider clock, ILogger<NodeRegistry> log)
{
    internal const string LeaseTaken =
        "the lease of this node's pool expired and was taken from it: the other nodes took it for dead, or another process uses the pool";

    private readonly NodeTables _tables = new(database.NowMillis);
    private volatile IReadOnlyList<NodeRecord> _known = [];
    private long _refusalsSeen;
    private long _renewedAt;
    private long _heldSince;

    /// <summary>Called after each renewal; must not block.</summary>
    public Action Renewed { get; set; } = () => { };

    public NodeIdentity Self => self;

    public LeaseTimes Times => times;

    /// <summary>All nodes, as of the last renewal.</summary>
    public IReadOnlyList<NodeRecord> Known => _known;

    /// <summary>Since the last renewal began that succeeded, by this machine's monotonic clock.</summary>
    public TimeSpan SinceRenewal => clock.GetElapsedTime(Volatile.Read(ref _renewedAt));

    /// <summary>
    /// Whether the lease may be gone, or about to be: from here on this node must not acknowledge anything (design D9). Its own
    /// clock tells, so it holds also when nobody can be asked.
    /// </summary>
    public bool IsOverdue => SinceRenewal > times.Ttl - times.Margin;

    /// <summary>
    /// Others are judged only by who has held its own lease for a full ttl without a gap: when the database was away all
    /// leases have expired, and all nodes may be well.
    /// </summary>
    public bool MayJudge => !IsOverdue && clock.GetElapsedTime(Volatile.Read(ref _heldSince)) > times.Ttl;

    /// <summary>How long the lease of another node still runs, as far as is known here; negative when it has expired.</summary>
    public TimeSpan LeaseLeft(NodeRecord node) => node.LeaseLeft - SinceRenewal;

    /// <summary>
    /// Takes the lease. A lease that a killed process left behind is waited for; one that is renewed meanwhile has a living
    /// holder. Throws <see cref="NodeRefusedException"/>.
    /// </summary>
    public async Task Claim(CancellationToken ct)
    {
        var proof = await database.Run(session => _tables.Fact(session, "secret", self.SecretProof), ct);
        if (proof != self.SecretProof)
        {
            throw await Refuse(
                $"Node {self.Id} has another cluster secret than the cluster in {database.Description}: give it the cluster's "
                + "secret file (Cluster:SecretFile), or a database of its own.");
        }

        NodeRecord? first = null;
        while (true)
        {
            var began = clock.GetTimestamp();
            var (claimed, all, now) = await database.Run(
                session => (_tables.TryClaim(session, self, times.Ttl), _tables.All(session), _tables.Now(session)), ct);
            if (claimed)
            {
                Took(all, began);
                _refusalsSeen = now;
                return;
            }

            var holder = all.Single(node => node.Id == self.Id);
            first ??= holder;
            if (holder.Incarnation == first.Incarnation && holder.Renewals > first.Renewals)
            {
                throw await Refuse(
                    $"The pool {self.Id} is served by a node that is alive, at {holder.Address}: stop that one, or give this node "
                    + "a pool of its own. A copied pool keeps its id: make a new one.");
            }

            log.LogInformation(
                "The lease of pool {Node} belongs to an earlier process for another {Left:F1} s; waiting", self.Id, holder.LeaseLeft.TotalSeconds);
            await Task.Delay(Shorter(holder.LeaseLeft, times.Renewal) + TimeSpan.FromMilliseconds(50), clock, ct);
        }
    }

    /// <summary>
    /// Says where this node is reached and answers whom to join: the nodes that are up, or nobody when this one is the
    /// first. Two that start at once do not both find themselves the first. Throws <see cref="NodeRefusedException"/> when
    /// the lease is lost.
    /// </summary>
    public async Task<ImmutableArray<NodeRecord>> Enter(
        string address, string url, ImmutableArray<string> addresses, CancellationToken ct)
    {
        var (entered, all) = await database.Run(
            session =>
            {
                _tables.LockEntry(session);
                var before = _tables.All(session);
                return (_tables.Enter(session, self, times.Ttl, address, url, addresses), before);
            },
            ct);
        if (!entered)
        {
            throw new NodeRefusedException(LeaseTaken) { Passes = true };
        }

        return [.. all.Where(node => node.Id != self.Id && node is { IsLive: true, State: NodeState.Up })];
    }

    /// <summary>
    /// The node is a member by now. Until it says so nobody takes it for one of another cluster (<see cref="Verdicts.Elsewhere"/>).
    /// Throws <see cref="NodeRefusedException"/> when the lease is lost.
    /// </summary>
    public async Task Joined(CancellationToken ct)
    {
        var joined = await database.Run(
            session =>
            {
                _tables.LockEntry(session);
                return _tables.Joined(session, self);
            },
            ct);
        if (!joined)
        {
            throw new NodeRefusedException(LeaseTaken) { Passes = true };
        }
    }

    /// <summary>
    /// Renews the lease and reads the other nodes' rows. False: another process has the lease, and this one is over.
    /// Throws <see cref="DatabaseException"/> when the database does not answer.
    /// </summary>
    public async Task<bool> Renew(CancellationToken ct)
    {
        var began = clock.GetTimestamp();
        var (renewed, all, refused) = await database.Run(
            session => (_tables.Renew(session, self, times.Ttl), _tables.All(session), _tables.RefusedSince(session, _refusalsSeen)),
            ct);
        foreach (var other in refused)
        {
            _refusalsSeen = other.At;
            log.LogWarning("Node {Node} at {Address} was refused: {Reason}", other.Node, other.Address, other.Reason);
        }

        if (renewed)
        {
            Took(all, began);
            Renewed();
        }

        return renewed;
    }

    /// <summary>
    /// Takes the lease from another process if it has expired. True when that process has lost its place for good: it may be treated
    /// as dead, because it can acknowledge nothing any more. False when it holds its lease.
    /// </summary>
    public Task<bool> PutOut(StorageNodeId node, string incarnation, CancellationToken ct) =>
        database.Run(session => _tables.PutOut(session, node, incarnation), ct);

    /// <summary>The lease ends at once: nobody has to wait for it.</summary>
    public Task Leave(CancellationToken ct) => database.Run(
        session =>
        {
            _tables.Leave(session, self);
            return true;
        },
        ct);

    /// <summary>Leaves the reason where the other nodes read and log it; what it answers is to be thrown.</summary>
    public async Task<NodeRefusedException> Refuse(string reason, bool passes = false)
    {
        await database.Run(
            session =>
            {
                _tables.NoteRefusal(session, self.Id.Value, self.Host, reason);
                return true;
            },
            CancellationToken.None);
        return new NodeRefusedException(reason) { Passes = passes };
    }

    public NodeRecord? Find(StorageNodeId node) => _known.FirstOrDefault(known => known.Id == node);

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) =>
        TimeSpan.FromTicks(Math.Max(0, Math.Min(one.Ticks, other.Ticks)));

    private void Took(IReadOnlyList<NodeRecord> all, long began)
    {
        _known = all;
        if (SinceRenewal > times.Ttl || Volatile.Read(ref _heldSince) == 0)
        {
            Volatile.Write(ref _heldSince, began);
        }

        // from before the call: when the database counted from is somewhere in it
        Volatile.Write(ref _renewedAt, began);
    }
}
