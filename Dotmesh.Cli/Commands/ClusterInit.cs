using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary><c>dm cluster init</c>: a node of this machine, or the compose file's three, and the wait until calls are answered.</summary>
internal static class ClusterInit
{
    private const int ReferencePort = 6969;
    private const string NodeName = "Dotmesh.Node";

    private static readonly TimeSpan UsualLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(250);

    private static readonly Option<bool> Compose = new("--compose") { Description = "Three nodes and a PostgreSQL, by docker compose." };
    private static readonly Option<string> ComposeFile = new("--compose-file") { Description = "The compose file (docker-compose.yml here).", HelpName = "PATH" };
    private static readonly Option<string> Program = new("--node") { Description = "The node program, or its checkout.", HelpName = "PATH" };
    private static readonly Option<int> Port = new("--port") { Description = "Where the node listens (6969).", HelpName = "PORT" };
    private static readonly Option<int> ClientPort = new("--client-port") { Description = "Its other port, of older clients (32607).", HelpName = "PORT" };

    public static Verb Verb() => new Verb("init", "[--compose]", "Start a node on this machine, or a cluster of containers, and wait until it answers.")
    {
        Remarks = "A node needs nothing: it keeps dots in a folder. Its program is looked for beside dm and in the checkout around this folder. "
            + "It goes on when this command ends, and writes its log beside the config file. It adds itself to the config file as the remote 'local'.",
    }
        .Example("dm cluster init", "one node")
        .Example("dm cluster init --compose", "three nodes and a PostgreSQL in containers")
        .With(Compose, ComposeFile, Program, Port, ClientPort)
        .Does(async run =>
        {
            run.AtMost(0, "Too many arguments specified.");
            if (run.Value(Compose) || run.Value(ComposeFile) is { Length: > 0 })
            {
                await Up(run);
            }
            else
            {
                await Start(run);
            }
        });

    private static async Task Start(Run run)
    {
        var port = run.Value(Port) is > 0 and var given ? given : ReferencePort;
        if (await Answers(run))
        {
            run.Print($"A node answers already: {run.Client.Remote}. 'dm cluster status' says how it is.");
            return;
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(run.File.Path))!;
        var log = Path.Combine(folder, "node.log");
        Config.OwnerOnly.MakeFolder(folder);
        var (program, arguments) = NodeProgram(run);
        var all = string.Join(' ', arguments.Prepend(program).Concat(Options(run, folder, port)).Select(Quoted));
        // the shell detaches it: it is to outlive this program and its terminal
        using var shell = Launched("sh", ["-c", $"umask 077; nohup setsid {all} >{Quoted(log)} 2>&1 </dev/null & echo $!"]);
        var process = int.Parse((await shell.StandardOutput.ReadToEndAsync(run.Stop)).Trim(), System.Globalization.CultureInfo.InvariantCulture);
        run.Note($"Starting a node (process {process}, log {log}) ...");
        await Ready(run, process, log);
        run.Print($"The node answers: {run.Client.Remote}. It is the remote '{run.RemoteName}'. Next: dm init apples");
    }

    private static async Task Up(Run run)
    {
        var file = run.Value(ComposeFile) is { Length: > 0 } given ? given : "docker-compose.yml";
        if (!File.Exists(file))
        {
            throw new CommandFailure(ExitCodes.NotFound, $"There is no {file} here.", "Run it in the checkout, or name the file with --compose-file.");
        }

        using var compose = Launched("docker", ["compose", "-f", file, "up", "-d", "--build"], ownOutput: true);
        await compose.WaitForExitAsync(run.Stop);
        if (compose.ExitCode != 0)
        {
            throw new CommandFailure(ExitCodes.Error, $"docker compose ended with {compose.ExitCode}.");
        }

        run.Note("Waiting until the nodes answer ...");
        run.Print($"The containers run. 'docker compose -f {file} ps' shows them; README.md, Docker, says where their API key is, for 'dm remote add'.");
    }

    private static async Task Ready(Run run, int process, string log)
    {
        var (started, limit) = (run.Clock.GetTimestamp(), run.Timeout ?? UsualLimit);
        using var turns = new PeriodicTimer(Turn, run.Clock);
        while (await turns.WaitForNextTickAsync(run.Stop))
        {
            run.Reread();
            if (await Answers(run))
            {
                return;
            }

            if (!System.IO.Directory.Exists($"/proc/{process}") && OperatingSystem.IsLinux())
            {
                throw new CommandFailure(ExitCodes.Error, $"The node ended. The end of {log}:\n{Tail(log)}");
            }

            if (run.Clock.GetElapsedTime(started) > limit)
            {
                throw new CommandFailure(ExitCodes.StillRunning, $"The node does not answer after {Sizes.Duration(limit)}; it goes on. The end of {log}:\n{Tail(log)}");
            }
        }
    }

    /// <summary>False as well when there is no remote yet: the node writes it when it listens.</summary>
    private static async Task<bool> Answers(Run run)
    {
        if (run.Config.CurrentRemote.Length == 0)
        {
            return false;
        }

        try
        {
            await run.Client.Ping(run.Stop);
            return true;
        }
        catch (DotmeshException away) when (away.Kind is FailureKind.Unreachable or FailureKind.Unavailable or FailureKind.Failed)
        {
            return false;
        }
    }

    private static IEnumerable<string> Options(Run run, string folder, int port)
    {
        if (run.File.Path != Config.ConfigFile.Default.Path)
        {
            yield return $"--node:configfolder={folder}";
        }

        if (run.Value(Port) > 0)
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
            yield return folder.FullName;
        }
    }

    private static Process Launched(string program, string[] arguments, bool ownOutput = false)
    {
        try
        {
            return Launch.Started(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = !ownOutput, UseShellExecute = false });
        }
        catch (Win32Exception absent)
        {
            throw new CommandFailure(ExitCodes.Error, $"{program} cannot be started: {absent.Message}");
        }
    }

    private static string Quoted(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string Tail(string log)
    {
        const int lines = 20;
        return File.Exists(log) ? string.Join('\n', File.ReadLines(log).TakeLast(lines)) : "";
    }
}
