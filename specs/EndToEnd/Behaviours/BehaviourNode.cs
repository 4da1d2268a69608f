using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

/// <summary>
/// The node of the behaviours in a file, which are those of section 11 of the contract, by number (trait
/// <c>Behaviour</c>). What its tests did with the command line, these do with the calls that the command line makes.
/// </summary>
public sealed class BehaviourNode : IAsyncLifetime
{
    internal RpcHost Host { get; private set; } = null!;

    internal RpcUser Admin => new(Host, "admin", RpcHost.ApiKey);

    /// <summary>Admin with the password in place of the API key.</summary>
    internal RpcUser AdminByPassword => new(Host, "admin", RpcHost.Password);

    internal RpcUser Alice => new(Host, "alice", "alice is great");

    internal RpcUser Bob => new(Host, "bob", "bob is great");

    public async Task InitializeAsync()
    {
        Host = await RpcHost.StartNode();
        foreach (var name in new[] { "alice", "bob" })
        {
            await Admin.Result("RegisterNewUser", new { Name = name, Email = $"{name}@example.com", Password = $"{name} is great" });
        }
    }

    public async Task DisposeAsync() => await Host.DisposeAsync();
}
