using System.Collections.Immutable;
using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Replication;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Clustering;

/// <summary>What makes a node one of several; without it a node is a cluster of its own.</summary>
/// <param name="Database">Shared by all nodes.</param>
/// <param name="Registry">Its lease is held.</param>
/// <param name="Url">Where the other nodes ask this one (<see cref="INodeLink"/>).</param>
/// <param name="Seeds">Further nodes to join, <c>host:port</c>.</param>
/// <param name="Serve">Told once there is somebody who answers the other nodes.</param>
/// <param name="Replication">How many copies are kept.</param>
/// <param name="AutomaticFailover">The dots of a dead node go to others.</param>
/// <param name="Ended">Told why this node has lost its place in the cluster: its process has to begin anew. May be told more than once.</param>
public sealed record ClusterParts(
    SqlDatabase Database, NodeRegistry Registry, INodeLink Link, IReplicaLink Replicas, string Url, ImmutableArray<string> Seeds,
    Action<INodeAnswers, IReplicaAnswers> Serve, ReplicationSettings Replication,
    bool AutomaticFailover, Action<string> Ended);

/// <summary>Joins the nodes that the database says are up, or begins the cluster when there is none.</summary>
internal sealed class ClusterEntry(ActorSystem system, ClusterParts parts, ImmutableArray<string> addresses, ILogger log)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan OneTry = TimeSpan.FromSeconds(15);

    /// <summary>Throws <see cref="NodeRefusedException"/> when no node could be joined.</summary>
    public async Task Join(TimeProvider clock, CancellationToken ct)
    {
        await JoinOthers(clock, ct);
        await parts.Registry.Joined(ct);
    }

    private async Task JoinOthers(TimeProvider clock, CancellationToken ct)
    {
        var cluster = Cluster.Get(system);
        var self = cluster.SelfAddress;
        var began = clock.GetTimestamp();
        while (true)
        {
            var up = await parts.Registry.Enter(HostAndPort(self), parts.Url, addresses, ct);
            var seeds = up.Select(node => node.Address).Concat(parts.Seeds).Where(seed => seed != HostAndPort(self)).Distinct().ToList();
            if (seeds.Count == 0)
            {
                log.LogInformation("No other node is up: this one begins the cluster at {Address}", self);
                await Begin(cluster, self, ct);
                return;
            }

            log.LogInformation("Joining {Seeds} from {Address}", string.Join(", ", seeds), self);
            if (await TryJoin(cluster, seeds.Select(seed => AddressOf(self, seed)), ct))
            {
                return;
            }

            if (clock.GetElapsedTime(began) > Limit)
            {
                throw new NodeRefusedException(
                    $"None of the nodes {string.Join(", ", seeds)} let this node join within {Limit.TotalSeconds:F0} s: check that they "
                    + $"reach {HostAndPort(self)} (Cluster:Hostname and Cluster:Port as they see it) and that this node reaches them.")
                {
                    Passes = true,
                };
            }
        }
    }

    private static async Task Begin(Cluster cluster, Address self, CancellationToken ct)
    {
        try
        {
            await cluster.JoinAsync(self, ct);
        }
        catch (ClusterJoinFailedException) when (ct.IsCancellationRequested)
        {
            throw new OperationCanceledException(ct);
        }
    }

    /// <summary>False when none of the seeds let this node join in time; throws <see cref="OperationCanceledException"/> when it was called off.</summary>
    internal static async Task<bool> TryJoin(Cluster cluster, IEnumerable<Address> seeds, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(OneTry);
        try
        {
            await cluster.JoinSeedNodesAsync(seeds, limit.Token);
            return true;
        }
        catch (Exception late) when (late is OperationCanceledException or ClusterJoinFailedException)
        {
            // a join that is called off ends with the same exception as one that found nobody
            ct.ThrowIfCancellationRequested();
            return false;
        }
    }

    private static string HostAndPort(Address address) =>
        $"{address.Host}:{address.Port?.ToString(CultureInfo.InvariantCulture)}";

    private static Address AddressOf(Address self, string hostAndPort)
    {
        var colon = hostAndPort.LastIndexOf(':');
        return new Address(
            self.Protocol, self.System, hostAndPort[..colon], int.Parse(hostAndPort[(colon + 1)..], CultureInfo.InvariantCulture));
    }
}
