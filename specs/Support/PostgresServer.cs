using System.Globalization;
using Dotmesh.Actors;
using Dotmesh.Actors.Database;
using Npgsql;

namespace Dotmesh.Specs.Support;

/// <summary>
/// A PostgreSQL server of a spec's own: made in a folder, on a free loopback port, ended with the spec. As root it runs as
/// the user <c>postgres</c>, because the server refuses root.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string User = "dotmesh";

    private readonly ScratchFolder _folder = new();
    private readonly string _programs = Programs();
    private ChildProcess? _server;

    private readonly string? _address;

    private PostgresServer(string? address) => _address = address;

    public int Port { get; } = FreePorts.Take();

    /// <param name="address">Where it listens besides loopback, for nodes that have a network of their own.</param>
    public static async Task<PostgresServer> Start(string? address = null)
    {
        Lanes.Require(Lanes.Postgres);
        var server = new PostgresServer(address);
        try
        {
            await server.Make();
            await server.Resume();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A new, empty database.</summary>
    public async Task<PostgresSettings> NewDatabase()
    {
        var name = $"spec_{new RandomIds().NewId().Replace("-", "", StringComparison.Ordinal)}";
        await Execute("postgres", $"CREATE DATABASE {name}");
        return new PostgresSettings(_address ?? "127.0.0.1", Port, name, User, null);
    }

    public async Task Execute(string database, string sql)
    {
        await using var connection = await Open(database);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<List<T>> Query<T>(string database, string sql, Func<NpgsqlDataReader, T> read)
    {
        await using var connection = await Open(database);
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>Ends the server as a crash of its machine would.</summary>
    public async Task Kill()
    {
        await _server!.DisposeAsync();
        _server = null;
    }

    /// <summary>Starts it (again) on the same data.</summary>
    public async Task Resume()
    {
        var (program, arguments) = As(
            Path.Combine(_programs, "postgres"),
            [
                "-D", Data, "-k", _folder.Path, "-p", Port.ToString(CultureInfo.InvariantCulture),
                "-c", $"listen_addresses={string.Join(',', new[] { "127.0.0.1", _address }.OfType<string>())}", "-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "max_connections=200",
            ]);
        _server = ChildProcess.Start(program, arguments, folder: _folder.Path);
        await Patience.Holds(
            async () =>
            {
                try
                {
                    await Execute("postgres", "SELECT 1");
                    return this;
                }
                catch (NpgsqlException) when (!_server.HasExited)
                {
                    return null;
                }
            },
            TimeSpan.FromSeconds(30),
            () => $"PostgreSQL does not answer\n{_server.Log}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _folder.Dispose();
    }

    private string Data => Path.Combine(_folder.Path, "data");

    private async Task<NpgsqlConnection> Open(string database)
    {
        var connection = new NpgsqlConnection(
            string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username={User};Database={database};Pooling=false"));
        try
        {
            await connection.OpenAsync();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private static bool IsRoot => Environment.UserName == "root";

    private static (string Program, IEnumerable<string> Arguments) As(string program, IEnumerable<string> arguments) => IsRoot
        ? ("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, .. arguments])
        : (program, arguments);

    private static string Programs() => Directory.Exists("/usr/lib/postgresql")
        ? Path.Combine(Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Last(), "bin")
        : throw new InvalidOperationException("the lane 'postgres' is on, but PostgreSQL is not installed in /usr/lib/postgresql");

    private async Task Make()
    {
        if (IsRoot)
        {
            var given = await ChildProcess.Run("chown", ["postgres", _folder.Path]);
            Assert(given);
        }

        var (program, arguments) = As(
            Path.Combine(_programs, "initdb"), ["-D", Data, "-A", "trust", "-U", User, "--no-sync", "-E", "UTF8", "--locale=C"]);
        Assert(await ChildProcess.Run(program, arguments, folder: _folder.Path));
        if (_address is not null)
        {
            await File.AppendAllTextAsync(Path.Combine(Data, "pg_hba.conf"), $"host all all {_address}/24 trust\n");
        }
    }

    private static void Assert(ChildResult result)
    {
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"PostgreSQL cannot be prepared: {result}");
        }
    }
}
