using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using Dotmesh.Actors.Clustering;

namespace Dotmesh.Actors.Dots;

/// <summary>The shard region of dots (design D1): one shard per storage node, the entity is the dot.</summary>
internal static class DotSharding
{
    public const string TypeName = "dots";
    public const string PrimeEntity = "prime";

    private const string RolePrefix = "pool-";
    private const string ProcessPrefix = "process-";

    public static string Role(StorageNodeId node) => RolePrefix + node.Value;

    /// <summary>Tells two processes of one storage node apart, as the database does.</summary>
    public static string ProcessRole(string incarnation) => ProcessPrefix + incarnation;

    /// <summary>The incarnation that a member has in the database; empty when it is in none.</summary>
    public static string ProcessOf(Member member) =>
        member.Roles.FirstOrDefault(role => role.StartsWith(ProcessPrefix, StringComparison.Ordinal))?[ProcessPrefix.Length..] ?? "";

    /// <summary>The storage node that a member holds; null for a member without storage.</summary>
    public static StorageNodeId? NodeOf(Member member) =>
        member.Roles.FirstOrDefault(role => role.StartsWith(RolePrefix, StringComparison.Ordinal)) is { } role
            ? new StorageNodeId(role[RolePrefix.Length..])
            : null;

    public static Task<IActorRef> Start(ActorSystem system, DotEnvironment env) =>
        ClusterSharding.Get(system).StartAsync(
            TypeName,
            entity => entity == PrimeEntity
                ? Props.Create(() => new PrimeActor())
                : Props.Create(() => new DotActor(new FilesystemId(entity), env)).WithMailbox(LastWordMailbox.Name),
            ClusterShardingSettings.Create(system),
            new DotExtractor(),
            new ByStorageNode(),
            StopDot.Instance);

    /// <summary>Answers that its shard is there.</summary>
    private sealed class PrimeActor : ReceiveActor
    {
        public PrimeActor()
        {
            Receive<PrimeShard>(_ => Sender.Tell(new ShardPrimed()));
            Receive<StopDot>(_ => Context.Stop(Self));
        }
    }
}

/// <summary>Reads the message and nothing else: the receiving region reads it again and must find the same.</summary>
internal sealed class DotExtractor : IMessageExtractor
{
    public string? EntityId(object message) => message switch
    {
        DotEnvelope envelope => envelope.DotId.Value,
        PrimeShard => DotSharding.PrimeEntity,
        _ => null,
    };

    public object? EntityMessage(object message) => message;

    public string? ShardId(object message) => message switch
    {
        DotEnvelope envelope => envelope.StorageNodeId.Value,
        PrimeShard prime => prime.StorageNodeId.Value,
        _ => null,
    };

    public string ShardId(string entityId, object? messageHint = null) =>
        messageHint is null ? throw new NotSupportedException("the shard of a dot is in its envelope") : ShardId(messageHint)!;
}

/// <summary>A shard lives on the member that holds its storage, or nowhere; nothing is ever rebalanced.</summary>
internal sealed class ByStorageNode : IShardAllocationStrategy, IActorSystemDependentAllocationStrategy
{
    private Cluster? _cluster;

    public void Start()
    {
    }

    public void Start(ActorSystem system) => _cluster = Cluster.Get(system);

    public Task<IActorRef> AllocateShard(
        IActorRef requester, string shardId, IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations)
    {
        var cluster = _cluster ?? throw new InvalidOperationException("not started");
        var holder = Membership.LiveMembers(cluster).GetValueOrDefault(new StorageNodeId(shardId));
        var region = holder is null ? null : currentShardAllocations.Keys.FirstOrDefault(region =>
            (region.Path.Address.HasLocalScope ? cluster.SelfAddress : region.Path.Address) == holder.Address);
        return region is not null
            ? Task.FromResult(region)
            : Task.FromException<IActorRef>(new InvalidOperationException($"no member that is up holds storage node {shardId}"));
    }

    public Task<IImmutableSet<string>> Rebalance(
        IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations,
        IImmutableSet<string> rebalanceInProgress) =>
        Task.FromResult<IImmutableSet<string>>(ImmutableHashSet<string>.Empty);
}
