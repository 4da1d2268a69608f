using System.CommandLine;
using Dotmesh.Cli.Config;
using Dotmesh.Cli.Naming;
using Dotmesh.Cli.Output;
using Dotmesh.Client;

namespace Dotmesh.Cli.Running;

/// <summary>One run of a command: what was asked, and the world that it works on.</summary>
internal sealed class Run(ParseResult parsed, Verb verb, Terminal terminal, ConfigFile file, CancellationToken stop) : IDisposable
{
    private DmConfig? _config;
    private DotmeshClient? _client;

    public Terminal Terminal => terminal;

    public ConfigFile File => file;

    public TimeProvider Clock => TimeProvider.System;

    /// <summary>Ctrl-C.</summary>
    public CancellationToken Stop => stop;

    public ParseResult Parsed => parsed;

    public Verb Verb => verb;

    /// <summary>Without options.</summary>
    public string[] Words => verb.Words(parsed);

    public OutputFormat Format => parsed.GetValue(Globals.Output);

    /// <summary>Null: as long as it takes, or as usual.</summary>
    public TimeSpan? Timeout => parsed.GetValue(Globals.Timeout) is { Ticks: > 0 } given ? given : null;

    /// <summary>As it was at the start of the run, or after its last change.</summary>
    public DmConfig Config => _config ??= file.Read();

    public T? Value<T>(Option<T> option) => parsed.GetValue(option);

    public void Dispose() => _client?.Dispose();

    public async Task Change(Action<DmConfig> change)
    {
        await file.Update(change, stop);
        _config = null;
    }

    /// <summary>Somebody else may have written the config file since.</summary>
    public void Reread()
    {
        _config = null;
        _client?.Dispose();
        _client = null;
    }

    /// <summary>The name of the remote that commands are sent to.</summary>
    public string RemoteName => Config.CurrentRemote is { Length: > 0 } name
        ? Config.HasRemote(name)
            ? name
            : throw new CommandFailure(ExitCodes.NotFound, $"The current remote '{name}' is not in {file.Path}.", "Choose one with 'dm remote switch', or add it with 'dm remote add'.")
        : throw new CommandFailure(
            ExitCodes.Error,
            "No current remote is selected.",
            Config.RemoteNames.Count > 0
                ? $"Select one with 'dm remote switch': {string.Join(", ", Config.RemoteNames)}."
                : $"Start a cluster with 'dm cluster init', or add one with 'dm remote add NAME USER@HOST'. ({file.Path} has none.)");

    /// <summary>Of the current remote.</summary>
    public DotmeshClient Client => _client ??= Connect(Config.Remote(RemoteName)!);

    public DotmeshClient Connect(Remote remote) => new(remote)
    {
        Deadline = Timeout ?? DotmeshClient.DefaultDeadline,
        Trace = parsed.GetValue(Globals.Verbose) ? (what, json) => terminal.Error.WriteLine($"{what}\n{json}") : null,
    };

    /// <summary>The remote of that name; the failure names the nearest ones.</summary>
    public Remote Remote(string name) => Config.Remote(name) ?? throw new CommandFailure(
        ExitCodes.NotFound, $"Unable to find remote '{name}'", Nearest.Hint(name, Config.RemoteNames, "dm remote -v"));

    /// <summary>The dot that commands are about; the only one there is becomes that by itself (contract 7.2).</summary>
    public async Task<DotName> CurrentDot()
    {
        var remote = RemoteName;
        if (Config.CurrentDot(remote) is { } chosen)
        {
            return chosen;
        }

        if (await Client.List(stop) is not [var only])
        {
            throw new CommandFailure(ExitCodes.Error, "No current dot is selected. List them with 'dm list' and select one with 'dm switch'.");
        }

        await Change(config => config.SetCurrentDot(remote, only.Name));
        return only.Name;
    }

    public string BranchOf(DotName dot) => Config.CurrentBranch(RemoteName, dot);

    /// <summary>The current dot and branch.</summary>
    public async Task<(DotName Dot, string Branch)> Current()
    {
        var dot = await CurrentDot();
        return (dot, BranchOf(dot));
    }

    public void AtMost(int words, string message)
    {
        if (Words.Length > words)
        {
            throw CommandFailure.Usage(message);
        }
    }

    /// <summary>Exactly so many; says how it is used otherwise.</summary>
    public void Exactly(int words)
    {
        if (Words.Length != words)
        {
            throw Misused();
        }
    }

    public CommandFailure Misused() => CommandFailure.Usage($"Usage: {Help.HelpText.UsageOf(verb)}");

    public void Print(string line) => terminal.Out.WriteLine(line);

    /// <summary>Beside the data.</summary>
    public void Note(string line) => terminal.Error.WriteLine(line);

    public bool Confirm(string question)
    {
        if (parsed.GetValue(Globals.Yes))
        {
            return true;
        }

        if (parsed.GetValue(Globals.NoInput))
        {
            throw CommandFailure.Usage("This asks before it does it: repeat it with --yes.");
        }

        return terminal.ReadLine($"{question} (Y/n): ") is "Y" or "y" or "yes" or "Yes";
    }

    /// <summary>From the variable, a file, stdin or the terminal, in this order; never from the command line.</summary>
    public string Secret(string variable, string? path, string prompt)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given)
        {
            return given;
        }

        if (path is { Length: > 0 })
        {
            try
            {
                return System.IO.File.ReadAllText(path).Trim();
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new CommandFailure(ExitCodes.Error, $"{path} cannot be read: {failure.Message}");
            }
        }

        if (parsed.GetValue(Globals.NoInput))
        {
            throw CommandFailure.Usage($"A secret is needed: give it in the variable {variable} or by a file.");
        }

        return terminal.ReadSecret(prompt)?.Trim() is { Length: > 0 } typed
            ? typed
            : throw CommandFailure.Usage($"A secret is needed: type it, or give it in the variable {variable} or by a file.");
    }
}
