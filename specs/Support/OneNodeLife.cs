using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>A node that is started before each spec and thrown away after it.</summary>
public abstract class OneNodeLife : IAsyncLifetime
{
    private protected OneNode Node { get; } = OneNode.New();

    public Task InitializeAsync() => Node.Start();

    public async Task DisposeAsync() => await Node.DisposeAsync();
}
