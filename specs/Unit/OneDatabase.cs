using Dotmesh.Actors.Database;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>A database that is opened before each spec and thrown away after it.</summary>
public abstract class OneDatabase : IAsyncLifetime
{
    protected DatabaseFixture Data { get; } = new();

    protected SqlDatabase Database { get; set; } = null!;

    public virtual async Task InitializeAsync() => Database = await Data.Open();

    public virtual async Task DisposeAsync() => await Data.DisposeAsync();
}
