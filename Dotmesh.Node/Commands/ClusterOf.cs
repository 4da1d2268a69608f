using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Storage.Commands;
using Dotmesh.Actors.Users;
using Dotmesh.Node.Access;
using Dotmesh.Node.Hosting;
using Dotmesh.Node.Options;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dotmesh.Node.Commands;

/// <summary>
/// <c>--cluster-of N</c>: a cluster on one machine, for developers. Each node is a process of its own; what they need of a database
/// is configured, or a PostgreSQL of their own is run for them. All end with this process, however it ends.
/// </summary>
internal sealed class ClusterOf(ClusterPlan plan, CommandRunner runner, TimeProvider clock) : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private readonly List<FollowingProcess> _processes = [];
    private readonly List<NodeBanner> _banners = [];

    public static bool Asked(IReadOnlyList<string> arguments) => ClusterPlan.Asked(arguments);

    /// <summary>Answers the exit status.</summary>
    public static async Task<int> Run(
        IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, TimeProvider clock)
    {
        var parsed = ClusterPlan.Parse(arguments);
        if (parsed.Refused(out var refusal))
        {
            return await Wrong([refusal.Message]);
        }

        var result = NodeOptions.Load(parsed.Value.Given, environment, NodeOptions.ReadFile);
        if (result is OptionsResult.Answered answered)
        {
            await Console.Out.WriteAsync(answered.Text);
            return 0;
        }

        if (result is not OptionsResult.Loaded loaded)
        {
            return await Wrong(((OptionsResult.Refused)result).Errors);
        }

        var plan = new ClusterPlan(
            parsed.Value.Nodes, WithFile(parsed.Value.Given, loaded.Options), loaded.Options,
            loaded.Effective.Any(option => option is { Name: "Failover:DrainSeconds", Source: not "default" }));
        if (plan.Fault is { } fault)
        {
            return await Wrong([fault]);
        }

        using var signals = new StopSignals();
        using var runner = new CommandRunner(
            new CommandRunnerOptions { StallAfter = TimeSpan.FromDays(1) }, clock, NullLoggerFactory.Instance);
        await using var cluster = new ClusterOf(plan, runner, clock);
        return await cluster.Live(signals);
    }

    /// <summary>What is left after an orderly end is nothing; after a failure the rest is killed.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            await process.DisposeAsync();
        }
    }

    private static async Task<int> Wrong(IEnumerable<string> errors)
    {
        foreach (var error in errors)
        {
            await Console.Error.WriteLineAsync(error);
        }

        return 2;
    }

    /// <summary>The nodes have config folders of their own: the file of this one's is named to them.</summary>
    private static IReadOnlyList<string> WithFile(IReadOnlyList<string> arguments, NodeOptions options)
    {
        var file = Path.Join(options.Node.ConfigFolder, "node.json");
        return arguments.Any(argument => argument.Split('=')[0] == "--config") || !File.Exists(file)
            ? arguments
            : [$"--config={file}", .. arguments];
    }

    private async Task<int> Live(StopSignals signals)
    {
        try
        {
            MakeFolder();
            using var data = DataFolder.Hold(plan.Folder);
            SecretBox.Open(plan.SecretFile).Dispose();
            var database = plan.Options.Database.Host.Length > 0 ? null : await StartDatabase(signals.Requested);
            await StartNodes(database, signals.Requested);
            await Console.Out.WriteAsync(Summary(database));
            await Watch(signals);
            return 0;
        }
        catch (OperationCanceledException) when (signals.Requested.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception failure) when (failure is StartFailureException or DatabaseException)
        {
            await Console.Error.WriteLineAsync($"The cluster cannot start. {failure.Message}");
            return 1;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(
                $"The cluster cannot start. {plan.Folder} cannot be written ({failure.Message}): give this user the right to, or choose another "
                + "folder with --node:datafolder=PATH.");
            return 1;
        }
        finally
        {
            await StopAll();
        }
    }

    private void MakeFolder()
    {
        if (OperatingSystem.IsWindows() || Directory.Exists(plan.Folder))
        {
            return;
        }

        // nobody else may list it; the server of the database, which is another user when this one is root, has to pass
        Directory.CreateDirectory(
            plan.Folder,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    private async Task<PrivateDatabase> StartDatabase(CancellationToken ct)
    {
        var programs = PostgresPrograms.Find();
        if (programs.Refused(out var refusal))
        {
            throw new StartFailureException(refusal.Message);
        }

        var password = Path.Join(plan.Folder, "database-password");
        if (!File.Exists(password))
        {
            PrivateFile.Write(password, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)) + "\n", PrivateFile.OwnerReadWrite);
        }

        var ready = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var folder = programs.Value.Home(plan.Folder);
        var said = new List<string>();
        var keeper = new FollowingProcess(
            runner, "database", [.. FollowingProcess.ThisProgram(), .. PostgresKeeper.Arguments(folder, password)],
            line =>
            {
                if (line.StartsWith(PostgresKeeper.Ready, StringComparison.Ordinal))
                {
                    ready.TrySetResult(int.Parse(line[PostgresKeeper.Ready.Length..], CultureInfo.InvariantCulture));
                }
            },
            said.Add);
        _processes.Add(keeper);
        await Console.Out.WriteLineAsync($"Starting a PostgreSQL of this cluster's own in {folder} ...");
        if (await First(keeper, ready.Task, ct) == keeper.Ended)
        {
            throw new StartFailureException($"Its database {await keeper.Ended}. {string.Join(' ', said.TakeLast(5))}");
        }

        return new PrivateDatabase(await ready.Task, password);
    }

    private async Task StartNodes(PrivateDatabase? database, CancellationToken ct)
    {
        for (var number = 1; number <= plan.Nodes; number++)
        {
            var name = $"node{number}";
            var banner = new NodeBanner();
            _banners.Add(banner);
            _processes.Add(new FollowingProcess(
                runner, name, [.. FollowingProcess.ThisProgram(), .. plan.Arguments(number, database)],
                banner.Take,
                line => Console.Error.WriteLine($"{name} | {line}")));
        }

        foreach (var (process, banner) in _processes.TakeLast(plan.Nodes).Zip(_banners))
        {
            if (await First(process, banner.Complete, ct) == process.Ended)
            {
                throw new StartFailureException($"{process.Name} {await process.Ended}; its last lines above say why.");
            }
        }
    }

    private async Task<Task> First(FollowingProcess process, Task ready, CancellationToken ct)
    {
        try
        {
            return await Task.WhenAny(ready, process.Ended).WaitAsync(StartLimit, clock, ct);
        }
        catch (TimeoutException late)
        {
            throw new StartFailureException($"{process.Name} is not ready after {StartLimit.TotalSeconds:F0} s.", late);
        }
    }

    /// <summary>Says when a node ends by itself; ends when all have, or on a signal.</summary>
    private async Task Watch(StopSignals signals)
    {
        var stop = signals.Wait();
        var running = _processes.ToDictionary(process => (Task)process.Ended);
        while (running.Count > 0)
        {
            var ended = await Task.WhenAny(running.Keys.Append(stop));
            if (ended == stop)
            {
                return;
            }

            running.Remove(ended, out var process);
            await Console.Error.WriteLineAsync(
                $"{process!.Name} {await process.Ended}. The others go on; Ctrl-C stops them, and the same command starts all again.");
        }
    }

    /// <summary>The nodes first and the database last, because they still write.</summary>
    private async Task StopAll()
    {
        foreach (var process in Enumerable.Reverse(_processes).Where(process => !process.Ended.IsCompleted))
        {
            await process.Stop(clock);
            await Console.Out.WriteLineAsync($"{process.Name} {await process.Ended}");
        }
    }

    private string Summary(PrivateDatabase? database)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"A cluster of {plan.Nodes} nodes is ready: any of them takes any call.");
        foreach (var (banner, number) in _banners.Select((banner, index) => (banner, index + 1)))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  node{number}     {banner.Api}, files in {plan.NodeFolder(number)}");
        }

        var server = plan.Options.Database;
        text.AppendLine(database is null
            ? $"  Database  PostgreSQL {server.Host}:{server.Port}, as Database:Host says"
            : $"  Database  PostgreSQL 127.0.0.1:{database.Port}, of this cluster's own");
        text.AppendLine("Try:").AppendLine(CultureInfo.InvariantCulture, $"  {_banners[0].Curl}");
        text.AppendLine("Ctrl-C stops all of them.");
        return text.ToString();
    }

    /// <summary>The banner that a node prints, line by line.</summary>
    private sealed class NodeBanner
    {
        private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Complete => _complete.Task;

        public string Api { get; private set; } = "";

        public string Curl { get; private set; } = "";

        public void Take(string line)
        {
            var text = line.Trim();
            if (text.StartsWith("API  ", StringComparison.Ordinal))
            {
                Api = text[5..].Trim();
            }
            else if (text.StartsWith("curl ", StringComparison.Ordinal))
            {
                // the last line of the banner
                Curl = text;
                _complete.TrySetResult();
            }
        }
    }
}
