using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Commands;
using Dotmesh.Node.Access;
using Dotmesh.Node.Hosting;

namespace Dotmesh.Node.Commands;

/// <summary>
/// <c>--keep-postgres FOLDER PASSWORDFILE</c>, for <see cref="ClusterOf"/>: a process of its own that runs a private PostgreSQL in a
/// folder and stops it in order when its standard input ends, which PostgreSQL itself would not do.
/// </summary>
internal sealed class PostgresKeeper(PostgresPrograms programs, string folder, string passwordFile, CommandRunner runner, TimeProvider clock)
{
    public const string User = "dotmesh";
    public const string Database = "dotmesh";

    /// <summary>Printed with the port once clients may connect.</summary>
    public const string Ready = "ready ";

    private const string Name = "--keep-postgres";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    // when the program died that started this one: its nodes end at the same time and have something to store
    private static readonly TimeSpan LeaveLimit = TimeSpan.FromSeconds(10);

    private string Data => Path.Join(folder, "data");

    public static bool Asked(IReadOnlyList<string> arguments) => arguments is [Name, _, _];

    public static IEnumerable<string> Arguments(string folder, string passwordFile) => [Name, folder, passwordFile];

    /// <summary>Answers the exit status.</summary>
    public static async Task<int> Run(IReadOnlyList<string> arguments, TimeProvider clock)
    {
        var found = PostgresPrograms.Find();
        if (found.Refused(out var refusal))
        {
            await Console.Error.WriteLineAsync(refusal.Message);
            return 1;
        }

        // signals of a terminal are for the program that started this one
        using var signals = new StopSignals();
        using var runner = new CommandRunner(
            new CommandRunnerOptions { StallAfter = TimeSpan.FromMinutes(5) }, clock, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        try
        {
            await new PostgresKeeper(found.Value, arguments[1], arguments[2], runner, clock).Keep();
            return 0;
        }
        catch (Exception failure) when (failure is StorageException or StartFailureException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"PostgreSQL in {arguments[1]} cannot be started: {failure.Message}");
            return 1;
        }
    }

    private async Task Keep()
    {
        await Make();
        await StopLeftOver();
        var port = FreePort();
        await using var server = Server(port);
        await Answers(server, port);
        await Console.Out.WriteLineAsync($"{Ready}{port}");
        var order = Order();
        if (await Task.WhenAny(order, server.Ended) == server.Ended)
        {
            throw new StartFailureException($"the server {await server.Ended}");
        }

        if (!await order)
        {
            await Task.WhenAny(server.Ended, Task.Delay(LeaveLimit, clock));
        }

        await Must("pg_ctl", "stop", "-D", Data, "-m", "fast", "-w", "-t", "60");
        await server.Ended;
    }

    private FollowingProcess Server(int port)
    {
        var (program, arguments) = programs.Command(
            "postgres", "-D", Data, "-p", Text(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "max_connections=300");
        return new FollowingProcess(runner, "postgres", [program, .. arguments], Console.Error.WriteLine, Console.Error.WriteLine);
    }

    /// <summary>Whole or not at all: what a killed run left half made is made anew.</summary>
    private async Task Make()
    {
        if (File.Exists(Path.Join(Data, "PG_VERSION")))
        {
            return;
        }

        var made = Path.Join(folder, "data.new");
        var password = Path.Join(folder, "password.new");
        // the folders above it are for everybody to pass
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        PrivateFile.MakeFolder(folder);
        if (Directory.Exists(made))
        {
            Directory.Delete(made, recursive: true);
        }

        PrivateFile.Write(password, File.ReadAllText(passwordFile), PrivateFile.OwnerReadWrite);
        if (programs.User is { } user)
        {
            Checked(await runner.Run(new Command("chown", [user, folder, password]), CancellationToken.None), "chown");
        }

        await Must(
            "initdb", "-D", made, "-U", User, "-A", "scram-sha-256", $"--pwfile={password}", "-E", "UTF8", "--locale=C");
        File.Delete(password);
        var (program, arguments) = programs.Command("postgres", "--single", "-D", made, "postgres");
        using var statement = new MemoryStream(Encoding.ASCII.GetBytes($"CREATE DATABASE {Database};\n"));
        Checked(await runner.Run(new Command(program, arguments) { Input = statement }, CancellationToken.None), "postgres --single");
        Directory.Move(made, Data);
    }

    /// <summary>Of a keeper that was killed itself.</summary>
    private async Task StopLeftOver()
    {
        var (program, arguments) = programs.Command("pg_ctl", "status", "-D", Data);
        if ((await runner.Run(new Command(program, arguments), CancellationToken.None)).ExitCode == 0)
        {
            await Must("pg_ctl", "stop", "-D", Data, "-m", "fast", "-w", "-t", "60");
        }
    }

    private async Task Answers(FollowingProcess server, int port)
    {
        var began = clock.GetTimestamp();
        var (program, arguments) = programs.Command("pg_isready", "-q", "-h", "127.0.0.1", "-p", Text(port));
        while ((await runner.Run(new Command(program, arguments), CancellationToken.None)).ExitCode != 0)
        {
            if (server.Ended.IsCompleted || clock.GetElapsedTime(began) > StartLimit)
            {
                throw new StartFailureException(server.Ended.IsCompleted
                    ? $"the server {await server.Ended}"
                    : $"the server does not answer after {StartLimit.TotalSeconds:F0} s");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), clock);
        }
    }

    /// <summary>True: told to stop; false: who started this is gone.</summary>
    private static async Task<bool> Order()
    {
        var read = await Task.Run(Console.In.ReadToEndAsync);
        return read.Contains(FollowingProcess.InOrder, StringComparison.Ordinal);
    }

    private async Task Must(string program, params IEnumerable<string> arguments)
    {
        var (file, all) = programs.Command(program, arguments);
        Checked(await runner.Run(new Command(file, all), CancellationToken.None), program);
    }

    private static void Checked(CommandResult result, string program)
    {
        if (result.ExitCode != 0)
        {
            throw new StartFailureException($"{program} ended with status {result.ExitCode}: {result.Stderr.Trim()}");
        }
    }

    private static int FreePort()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
