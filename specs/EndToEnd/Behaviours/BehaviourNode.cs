using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

/// <summary>
/// The node of the behaviours in a file, which are those of section 11 of the contract, by number (trait
/// <c>Behaviour</c>). What its tests did with the command line, these do with the calls that the command line makes.
/// </summary>
public class BehaviourNode : IAsyncLifetime
{
    internal RpcHost Host { get; private set; } = null!;

    internal RpcUser Admin => new(Host, "admin", RpcHost.ApiKey);

    /// <summary>Admin with the password in place of the API key.</summary>
    internal RpcUser AdminByPassword => new(Host, "admin", RpcHost.Password);

    internal RpcUser Alice => new(Host, "alice", "alice is great");

    internal RpcUser Bob => new(Host, "bob", "bob is great");

    public virtual async Task InitializeAsync()
    {
        Host = await Open();
        foreach (var name in new[] { "alice", "bob" })
        {
            await Admin.Result("RegisterNewUser", new { Name = name, Email = $"{name}@example.com", Password = $"{name} is great" });
        }
    }

    public virtual async Task DisposeAsync() => await Host.DisposeAsync();

    private protected virtual Task<RpcHost> Open() => RpcHost.StartNode();
}

/// <summary>The same on a pool of its own; there is none when the lane is off, and its specs are skipped.</summary>
public sealed class BehaviourNodeOnZfs : BehaviourNode
{
    internal ZfsPool? Pool { get; private set; }

    public override async Task InitializeAsync()
    {
        if (Lanes.IsOn(Lanes.Zfs))
        {
            await base.InitializeAsync();
        }
    }

    public override async Task DisposeAsync()
    {
        if (Pool is not null)
        {
            await base.DisposeAsync();
            await Pool.DisposeAsync();
        }
    }

    private protected override async Task<RpcHost> Open() => await RpcHost.StartNode(pool: Pool = await ZfsPool.Create());
}
