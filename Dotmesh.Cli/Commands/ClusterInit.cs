using System.CommandLine;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Commands;

/// <summary><c>dm cluster init</c>: a node of this machine, or the compose file's three, and the wait until calls are answered.</summary>
internal static class ClusterInit
{
    private const string NodeName = "Dotmesh.Node";

    /// <summary>The remote that a node writes into the config file.</summary>
    private const string Local = "local";

    private static readonly TimeSpan UsualLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(250);

    private static readonly Option<bool> Compose = Options.Flag("--compose", null, "Three nodes and a PostgreSQL, by docker compose.");
    private static readonly Option<string> ComposeFile = Options.Text("--compose-file", "The compose file (docker-compose.yml here).", "PATH");
    private static readonly Option<string> RemoteName = Options.Text("--remote-name", "Name of the remote for the containers (compose).", "NAME");
    private static readonly Option<string> Program = Options.Text("--node", "The node program, or its checkout.", "PATH");
    private static readonly Option<int> Port = Options.Number("--port", null, "Where the node listens (6969).", "PORT", 65535);
    private static readonly Option<int> ClientPort = Options.Number("--client-port", null, "Its other port, of older clients (32607).", "PORT", 65535);

    public static Verb Verb() => new Verb("init", "[--compose]", "Start a node on this machine, or a cluster of containers, and wait until it answers.")
    {
        Changes = true,
        Remarks = "A node needs nothing: it keeps dots in a folder. Its program is looked for beside dm and in the checkout around this folder. "
            + "It goes on when this command ends, and writes its log beside the config file. It adds itself to the config file as the remote 'local'.",
    }
        .Example("dm cluster init", "one node")
        .Example("dm cluster init --compose", "three nodes and a PostgreSQL in containers")
        .With(Compose, ComposeFile, RemoteName, Program, Port, ClientPort)
        .Does(async run =>
        {
            run.NoWords();
            if (run.Value(Compose) || run.Value(ComposeFile) is { Length: > 0 })
            {
                await ComposeCluster.Up(run, run.Value(ComposeFile) ?? "docker-compose.yml", run.Value(RemoteName) ?? "compose");
            }
            else
            {
                await Start(run);
            }
        });

    private static async Task Start(Run run)
    {
        if (Path.GetFileName(run.File.Path) != "config")
        {
            throw CommandFailure.Usage($"{run.File.Path}: a node writes its key into a file named config. Name one: -c FOLDER/config");
        }

        if (run.Config.Remote(Local) is { } there && await Answering.WhyNot(run, there) is null)
        {
            run.Print($"A node answers already: {there}. 'dm cluster status' says how it is.");
            return;
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(run.File.Path))!;
        var log = Path.Combine(folder, "node.log");
        Config.OwnerOnly.MakeFolder(folder);
        var (program, arguments) = NodeProgram(run);
        var all = string.Join(' ', arguments.Prepend(program).Concat(NodeOptions(run, folder)).Select(Quoted));
        // the shell detaches it: it is to outlive this program and its terminal
        using var shell = Launch.Program("sh", ["-c", $"umask 077; nohup setsid {all} >>{Quoted(log)} 2>&1 </dev/null & echo $! | tee {Quoted(ProcessFile(run))}"]);
        var process = (await shell.StandardOutput.ReadToEndAsync(run.Interrupt)).Trim();
        run.Note($"Starting a node (process {process}, log {log}) ...");
        await Ready(run, process, log);
        var next = run.Config.CurrentRemote == Local ? "dm init apples" : $"dm remote switch {Local}";
        run.Print($"The node answers: {run.Config.Remote(Local)}. It is the remote '{Local}'. Next: {next}");
    }

    private static async Task Ready(Run run, string process, string log)
    {
        var (started, limit) = (run.Clock.GetTimestamp(), run.Timeout ?? UsualLimit);
        using var turns = new PeriodicTimer(Turn, run.Clock);
        while (await turns.WaitForNextTickAsync(run.Interrupt))
        {
            run.Reread();
            // the node writes its remote when it listens
            var why = run.Config.Remote(Local) is { } remote ? await Answering.WhyNot(run, remote) : "it has not written its key yet";
            if (why is null)
            {
                return;
            }

            if (OperatingSystem.IsLinux() && !Answering.Runs(process))
            {
                throw new CommandFailure(ExitCodes.Error, $"The node ended. The end of {log}:\n{Tail(log)}");
            }

            if (run.Clock.GetElapsedTime(started) > limit)
            {
                throw new CommandFailure(
                    ExitCodes.StillRunning, $"The node does not answer after {Sizes.Duration(limit)} ({why}); it goes on. The end of {log}:\n{Tail(log)}");
            }
        }
    }

    private static IEnumerable<string> NodeOptions(Run run, string folder)
    {
        if (run.File.Path != Config.ConfigFile.Default.Path)
        {
            yield return $"--node:configfolder={folder}";
        }

        if (run.Value(Port) is > 0 and var port)
        {
            yield return $"--listen:referenceport={port}";
        }

        if (run.Value(ClientPort) is > 0 and var client)
        {
            yield return $"--listen:clientport={client}";
        }
    }

    private static (string Program, string[] Arguments) NodeProgram(Run run)
    {
        foreach (var place in run.Value(Program) is { Length: > 0 } given ? [given] : Places())
        {
            if (File.Exists(place))
            {
                return place.EndsWith(".dll", StringComparison.Ordinal) ? ("dotnet", [place]) : (place, []);
            }

            if (File.Exists(Path.Combine(place, $"{NodeName}.dll")))
            {
                return ("dotnet", [Path.Combine(place, $"{NodeName}.dll")]);
            }

            if (File.Exists(Path.Combine(place, NodeName)))
            {
                return (Path.Combine(place, NodeName), []);
            }

            var project = Path.Combine(place, NodeName, $"{NodeName}.csproj");
            if (File.Exists(project))
            {
                return ("dotnet", ["run", "--project", project, "-c", "Release", "--"]);
            }
        }

        throw new CommandFailure(
            ExitCodes.NotFound, "The node program was not found beside dm, nor in a checkout around this folder.",
            "Run this in the checkout, or name the program, its folder or the checkout with --node PATH.");
    }

    private static IEnumerable<string> Places()
    {
        yield return AppContext.BaseDirectory;
        yield return Path.Combine(AppContext.BaseDirectory, "node");
        for (var folder = new DirectoryInfo(Environment.CurrentDirectory); folder is not null; folder = folder.Parent)
        {
            yield return Path.Combine(folder.FullName, "artifacts", "node");
            yield return Path.Combine(folder.FullName, NodeName, "bin", "Release", "net10.0");
            yield return folder.FullName;
        }
    }

    /// <summary>Beside the config file: which process <c>dm cluster init</c> started last.</summary>
    internal static string ProcessFile(Run run) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(run.File.Path))!, "node.pid");

    private static string Quoted(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string Tail(string log)
    {
        const int lines = 20;
        return File.Exists(log) ? string.Join('\n', File.ReadLines(log).TakeLast(lines)) : "";
    }
}
