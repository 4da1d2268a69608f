using Akka.Actor;
using Akka.Cluster;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Dots;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Clustering;

/// <summary>Who is there: the members that are up, reachable and hold a storage node.</summary>
internal sealed class Membership(ActorSystem system, ILogger log)
{
    /// <summary>Who does not answer by then will read everything anew; the writer is answered.</summary>
    private static readonly TimeSpan NewsLimit = TimeSpan.FromSeconds(2);

    private readonly Cluster _cluster = Cluster.Get(system);

    /// <summary>Of two members with one storage node the one that came later: the other is a dead process.</summary>
    public IReadOnlyDictionary<StorageNodeId, Member> Live => LiveMembers(_cluster);

    /// <inheritdoc cref="Live"/>
    public static Dictionary<StorageNodeId, Member> LiveMembers(Cluster cluster)
    {
        var state = cluster.State;
        var live = new Dictionary<StorageNodeId, Member>();
        foreach (var member in state.Members.Where(member =>
            member.Status == MemberStatus.Up && !state.Unreachable.Contains(member)))
        {
            if (DotSharding.NodeOf(member) is { } node && (!live.TryGetValue(node, out var other) || !member.IsOlderThan(other)))
            {
                live[node] = member;
            }
        }

        return live;
    }

    /// <inheritdoc cref="Verdicts.IsCutOff"/>
    public bool IsCutOff(NodeRegistry registry)
    {
        var state = _cluster.State;
        var up = state.Members.Where(member => member.Status == MemberStatus.Up).ToList();
        return Verdicts.IsCutOff(registry.IsOverdue, up.Count(member => !state.Unreachable.Contains(member)), up.Count);
    }

    public bool IsLive(StorageNodeId node) => Live.ContainsKey(node);

    /// <summary>A process that had this storage node before is dead, whatever the failure detector still thinks.</summary>
    public void DownPredecessors(StorageNodeId node)
    {
        var role = DotSharding.Role(node);
        foreach (var member in _cluster.State.Members.Where(member => member.HasRole(role) && member.Address != _cluster.SelfAddress))
        {
            log.LogInformation("{Member} had this pool before and is down", member.Address);
            _cluster.Down(member.Address);
        }
    }

    /// <summary>Other members whose process may have lost its lease: the database says whether it has.</summary>
    public List<(Member Member, StorageNodeId Node, string Process)> Suspects(NodeRegistry registry)
    {
        var state = _cluster.State;
        var suspects = new List<(Member, StorageNodeId, string)>();
        foreach (var member in state.Members.Where(member =>
            member.UniqueAddress != _cluster.SelfUniqueAddress && member.Status is not (MemberStatus.Down or MemberStatus.Removed)))
        {
            var process = DotSharding.ProcessOf(member);
            if (process.Length == 0 || DotSharding.NodeOf(member) is not { } node)
            {
                continue;
            }

            var row = registry.Find(node);
            var left = row is null ? TimeSpan.Zero : registry.LeaseLeft(row);
            if (Verdicts.MayBeOut(row, process, left, !state.Unreachable.Contains(member), registry.Times.Ttl))
            {
                suspects.Add((member, node, process));
            }
        }

        return suspects;
    }

    /// <summary>Only one that has lost its place in the database: it could not come back, and nobody may join it.</summary>
    public void Down(Member member)
    {
        log.LogWarning("{Member} has lost its lease: it leaves the cluster", member.Address);
        _cluster.Down(member.Address);
    }

    /// <inheritdoc cref="Verdicts.Elsewhere"/>
    public NodeRecord? Elsewhere(NodeRegistry registry)
    {
        var members = _cluster.State.Members;
        return members.Any(member => member.UniqueAddress == _cluster.SelfUniqueAddress)
            ? Verdicts.Elsewhere(
                registry.Known,
                registry.Self.Id,
                registry.LeaseLeft,
                node => members.Any(member => DotSharding.ProcessOf(member) == node.Incarnation))
            : null;
    }

    /// <summary>To the <see cref="PeerActor"/> of a node, which may be this one; lost when that is not there.</summary>
    public void Tell(StorageNodeId node, PeerProtocol.Message message)
    {
        if (Live.TryGetValue(node, out var member))
        {
            Peer(member).Tell(message, ActorRefs.NoSender);
        }
    }

    /// <summary>To all others that are there.</summary>
    public void TellOthers(PeerProtocol.Message message)
    {
        foreach (var member in Live.Values.Where(member => member.Address != _cluster.SelfAddress))
        {
            Peer(member).Tell(message, ActorRefs.NoSender);
        }
    }

    private ActorSelection Peer(Member member) => system.ActorSelection(new RootActorPath(member.Address) / "user" / PeerActor.Name);

    /// <summary>
    /// Tells the others which rows changed; answers when they have read them or cannot be waited for. Who is out of reach is told all
    /// the same, until it hears: it may see us and so believe that it has missed nothing. So is who joins: it may have seen itself up, and read
    /// everything for that, before we hear of it.
    /// </summary>
    public Task Tell(IReadOnlyList<RowChange> changes)
    {
        var news = new PeerProtocol.RowsChanged([.. changes]);
        var live = Live.Values.Where(member => member.Address != _cluster.SelfAddress).ToList();
        var state = _cluster.State;
        foreach (var away in state.Members.Where(member => member.UniqueAddress != _cluster.SelfUniqueAddress && IsAway(member, state.Unreachable)))
        {
            _ = TellAgain(away, Peer(away), news);
        }

        return Task.WhenAll(live.Select(member => Tell(member, news)));
    }

    private static bool IsAway(Member member, IReadOnlySet<Member> unreachable) => member.Status switch
    {
        MemberStatus.Joining or MemberStatus.WeaklyUp => true,
        MemberStatus.Up => unreachable.Contains(member),
        _ => false,
    };

    private async Task Tell(Member member, PeerProtocol.RowsChanged news)
    {
        var peer = Peer(member);
        if (!await Confirmed(peer, news))
        {
            log.LogWarning("{Member} has not confirmed {Count} changed rows; told again until it does", member.Address, news.Changes.Length);
            _ = TellAgain(member, peer, news);
        }
    }

    /// <summary>Until it confirms or is no member any more: who joins reads everything anew.</summary>
    private async Task TellAgain(Member member, ActorSelection peer, PeerProtocol.RowsChanged news)
    {
        while (!await Confirmed(peer, news) && _cluster.State.Members.Contains(member))
        {
            await Task.Delay(NewsLimit);
        }
    }

    private static async Task<bool> Confirmed(ActorSelection peer, PeerProtocol.RowsChanged news)
    {
        try
        {
            await peer.Ask<PeerProtocol.RowsRead>(news, NewsLimit);
            return true;
        }
        catch (Exception silent) when (silent is AskTimeoutException or TaskCanceledException)
        {
            return false;
        }
    }
}
