using System.CommandLine;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Config;
using Dotmesh.Cli.Naming;
using Dotmesh.Cli.Output;
using Dotmesh.Client;

namespace Dotmesh.Cli.Running;

/// <summary>One run of a command: what was asked, and the world that it works on.</summary>
/// <param name="interrupt">Ctrl-C.</param>
internal sealed class Run(ParseResult parsed, Verb verb, Terminal terminal, ConfigFile file, CancellationToken interrupt) : IDisposable
{
    private readonly CancellationTokenSource _stop = Limited(parsed, interrupt);
    private DmConfig? _config;
    private DotmeshClient? _client;

    public Terminal Terminal => terminal;

    public ConfigFile File => file;

    public TimeProvider Clock => TimeProvider.System;

    /// <summary>Ctrl-C, or the time of <c>--timeout</c> is up.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Ctrl-C only, for what says by itself that its time is up.</summary>
    public CancellationToken Interrupt => interrupt;

    public Verb Verb => verb;

    public bool IsVerbose => parsed.GetValue(Globals.Verbose);

    /// <summary>Without options.</summary>
    public string[] Words => verb.Words(parsed);

    public OutputFormat Format => parsed.GetValue(Globals.Output);

    /// <summary>Null: as long as it takes, or as usual.</summary>
    public TimeSpan? Timeout => parsed.GetValue(Globals.Timeout) is { Ticks: > 0 } given ? given : null;

    /// <summary>As it was at the start of the run, or after its last change.</summary>
    public DmConfig Config => _config ??= file.Read();

    public T? Value<T>(Option<T> option) => parsed.GetValue(option);

    public void Dispose()
    {
        _client?.Dispose();
        _stop.Dispose();
    }

    public async Task Change(Action<DmConfig> change)
    {
        await file.Update(change, Stop);
        _config = null;
    }

    /// <summary>Of what is only convenient to remember, and of what was done already: a file that cannot be written does not end the run.</summary>
    public async Task Remember(Action<DmConfig> change)
    {
        try
        {
            await file.Update(change, interrupt.IsCancellationRequested ? CancellationToken.None : interrupt);
        }
        catch (CommandFailure failure)
        {
            Note(failure.Message);
        }

        _config = null;
    }

    /// <summary>Somebody else may have written the config file since.</summary>
    public void Reread() => _config = null;

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
    public DotmeshClient Client
    {
        get
        {
            var remote = Remote(RemoteName);
            if (_client?.Remote != remote)
            {
                _client?.Dispose();
                _client = Connect(remote);
            }

            return _client;
        }
    }

    public DotmeshClient Connect(Remote remote) => new(remote)
    {
        Deadline = Timeout ?? DotmeshClient.DefaultDeadline,
        Trace = IsVerbose ? (what, json) => terminal.Error.WriteLine($"{what}\n{json}") : null,
    };

    /// <summary>The remote of that name; the failure names the nearest ones.</summary>
    public Remote Remote(string name) => Dotmesh.Client.Remote.Valid(Config.Remote(name) ?? throw new CommandFailure(
        ExitCodes.NotFound, $"Unable to find remote '{name}'", Nearest.Hint(name, Config.RemoteNames, "dm remote -v")))
        ?? throw new CommandFailure(ExitCodes.Error, $"The remote '{name}' in {file.Path} has no host, or no port between 0 and 65535.");

    /// <summary>The dot that commands are about; the only one there is becomes that by itself (contract 7.2).</summary>
    public async Task<DotName> CurrentDot()
    {
        var remote = RemoteName;
        if (Config.CurrentDot(remote) is { } chosen)
        {
            return chosen;
        }

        if (await Client.List(Stop) is not [var only])
        {
            throw new CommandFailure(ExitCodes.Error, "No current dot is selected. List them with 'dm list' and select one with 'dm switch'.");
        }

        await Remember(config => config.SetCurrentDot(remote, only.Name));
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
            throw new CommandFailure(ExitCodes.Usage, message, words == 0 ? Nearest.Question(Words[0], verb.Subcommands.Select(child => child.Name)) : null);
        }
    }

    /// <summary>Options only.</summary>
    public void NoWords() => AtMost(0, "Too many arguments specified.");

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

    /// <summary>What a command has to show of one thing, in the format that was asked for.</summary>
    public string Shown(string text, JsonObject json, string name) => Format switch
    {
        OutputFormat.Table => text,
        OutputFormat.Name => name + "\n",
        OutputFormat.Json => JsonText.Indented(json) + "\n",
        _ => JsonText.OneLine(json) + "\n",
    };

    public void Show(string text, JsonObject json, string name) => terminal.Out.Write(Shown(text, json, name));

    /// <summary>One question for each item, some at once; answers in the order of the items.</summary>
    public async Task<TAnswer[]> AskEach<TItem, TAnswer>(IReadOnlyList<TItem> items, Func<TItem, Task<TAnswer>> ask)
    {
        const int atOnce = 8;
        var answers = new TAnswer[items.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, items.Count),
            new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = Stop },
            async (i, _) => answers[i] = await ask(items[i]));
        return answers;
    }

    public async Task<bool> Confirm(string question)
    {
        if (parsed.GetValue(Globals.Yes))
        {
            return true;
        }

        if (parsed.GetValue(Globals.NoInput))
        {
            throw CommandFailure.Usage("This asks before it does it: repeat it with --yes.");
        }

        return await terminal.ReadLine($"{question} [y/N]: ", Stop) is "Y" or "y" or "yes" or "Yes";
    }

    /// <summary>From the variable, a file, stdin or the terminal, in this order; never from the command line.</summary>
    /// <param name="twice">It is a new one: a slip would lock its user out.</param>
    public async Task<string> Secret(string variable, string? path, string prompt, bool twice = false)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given)
        {
            return given;
        }

        if (path is { Length: > 0 })
        {
            return FromFile(path);
        }

        if (parsed.GetValue(Globals.NoInput))
        {
            throw CommandFailure.Usage($"A secret is needed: give it in the variable {variable} or by a file.");
        }

        var typed = (await terminal.ReadSecret(prompt, Stop))?.Trim();
        if (typed is not { Length: > 0 })
        {
            throw CommandFailure.Usage($"A secret is needed: type it, or give it in the variable {variable} or by a file.");
        }

        return !twice || !terminal.InIsTerminal || (await terminal.ReadSecret("Once more: ", Stop))?.Trim() == typed
            ? typed
            : throw CommandFailure.Usage("These were not the same: nothing was changed.");
    }

    private static string FromFile(string path)
    {
        try
        {
            return System.IO.File.ReadAllText(path).Trim() is { Length: > 0 } secret ? secret : throw CommandFailure.Usage($"{path} is empty: a secret is needed.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.Error, $"{path} cannot be read: {failure.Message}");
        }
    }

    private static CancellationTokenSource Limited(ParseResult parsed, CancellationToken interrupt)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        if (parsed.GetValue(Globals.Timeout) is { Ticks: > 0 } limit)
        {
            stop.CancelAfter(limit);
        }

        return stop;
    }
}
