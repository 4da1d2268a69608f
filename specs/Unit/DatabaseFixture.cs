using Dotmesh.Actors;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dotmesh.Specs.Unit;

/// <summary>A real SQLite file in a folder of its own, opened again as often as a spec likes.</summary>
public sealed class DatabaseFixture : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _open = [];

    public string Folder { get; } = System.IO.Directory.CreateTempSubdirectory("dotmesh-specs-").FullName;

    public string File => Path.Combine(Folder, "data", "dotmesh.db");

    public string SecretFile => Path.Combine(Folder, "data", "cluster-secret");

    public SteppedClock Clock { get; } = new();

    public async Task<SqlDatabase> Open()
    {
        var database = await SqlDatabase.Open(
            new SqliteDialect(File), Clock, NullLoggerFactory.Instance, CancellationToken.None);
        _open.Add(database);
        return database;
    }

    internal async Task<SqlDatabase> Open(params SchemaStep[] steps)
    {
        var database = await SqlDatabase.Open(
            new SqliteDialect(File), steps, Clock, NullLoggerFactory.Instance, CancellationToken.None);
        _open.Add(database);
        return database;
    }

    public async Task<SqlUsers> OpenUsers(SqlDatabase database, SecretBox? secrets = null) => await SqlUsers.Open(
        database,
        secrets ?? SecretBox.Open(SecretFile),
        Clock,
        new RandomIds(),
        NullLoggerFactory.Instance,
        CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        foreach (var database in _open)
        {
            await database.DisposeAsync();
        }

        System.IO.Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A clock that stands still until it is told to go on.</summary>
public sealed class SteppedClock : TimeProvider
{
    private TimeSpan _passed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero) + _passed;

    public override long GetTimestamp() => _passed.Ticks;

    public void Pass(TimeSpan time) => _passed += time;
}
