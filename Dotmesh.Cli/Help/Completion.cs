using System.CommandLine;
using Dotmesh.Cli.Config;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Help;

/// <summary>What the shell offers for the word at the cursor: commands, options, and names that it asks the cluster for.</summary>
internal static class Completion
{
    /// <summary>People wait for it with a finger on the key.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <param name="typed">The words after <c>dm</c>; the last one is being typed and may be empty.</param>
    public static async Task<IReadOnlyList<string>> For(RootCommand root, Run run, IReadOnlyList<string> typed)
    {
        // bash takes an option, its = and its value for three words
        var word = typed.Count == 0 || typed[^1] == "=" ? "" : typed[^1];
        var before = typed.Count == 0 ? [] : typed.Take(typed.Count - 1).Where(part => part != "=").ToList();
        var (command, given, valueOf, config) = Where(root, before);
        IEnumerable<string> offers = valueOf is not null ? Values(valueOf)
            : command == root && given.Count > 0 ? []
            : word.StartsWith('-') ? command.Options.Concat(Globals.All).Distinct().Where(option => !option.Hidden).Select(option => option.Name)
            : [.. command.Subcommands.Where(child => !child.Hidden).Select(child => child.Name), .. await Names(root, run, command as Verb, given, config)];
        return [.. offers.Where(offer => offer.StartsWith(word, StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>The command, its words so far, the option whose value comes next, and the config file that was named.</summary>
    private static (Command Command, List<string> Given, Option? ValueOf, string? Config) Where(RootCommand root, IReadOnlyList<string> words)
    {
        string? config = null;
        Command command = root;
        var given = new List<string>();
        Option? valueOf = null;
        foreach (var word in words)
        {
            if (valueOf is not null)
            {
                config = valueOf == Globals.Config ? word : config;
                valueOf = null;
            }
            else if (word.StartsWith('-'))
            {
                valueOf = command.Options.Concat(Globals.All).FirstOrDefault(option =>
                    (option.Name == word || option.Aliases.Contains(word)) && option.ValueType != typeof(bool));
            }
            else if (given.Count == 0 && command.Subcommands.FirstOrDefault(child => child.Name == word || child.Aliases.Contains(word)) is { } child)
            {
                command = child;
            }
            else
            {
                given.Add(word);
            }
        }

        return (command, given, valueOf, config);
    }

    private static IEnumerable<string> Values(Option option) => option.Name switch
    {
        "--output" => ["table", "json", "jsonl", "name"],
        "--durability" => ["local", "replicated"],
        _ => [],
    };

    /// <summary>What a call did not find, when it was typed with a slip; null when nothing is near.</summary>
    public static async Task<string?> DidYouMean(Run run)
    {
        var (words, kinds) = (run.Words, run.Verb.Kinds);
        for (var i = 0; i < Math.Min(words.Length, kinds.Length); i++)
        {
            if (kinds[i] is Word.Dot or Word.Branch or Word.Node or Word.User or Word.Transfer)
            {
                var known = (await Names(run.Verb, [.. words.Take(i)], run.Config, run)).ToList();
                if (!known.Contains(words[i]) && Naming.Nearest.Question(words[i], known) is { } question)
                {
                    return question;
                }
            }
        }

        return null;
    }

    private static async Task<IEnumerable<string>> Names(RootCommand root, Run run, Verb? verb, List<string> given, string? file)
    {
        if (verb is { Name: "help" })
        {
            var about = given.Aggregate((Command?)root, (command, word) => command?.Subcommands.FirstOrDefault(child => child.Name == word));
            return about?.Subcommands.Where(child => !child.Hidden).Select(child => child.Name) ?? [];
        }

        if (verb is null || given.Count >= verb.Kinds.Length)
        {
            return [];
        }

        var config = file is null ? run.Config : new ConfigFile(file).Read();
        return verb.Kinds[given.Count] == Word.Remote
            ? config.RemoteNames.Concat(config.S3RemoteNames)
            : await Names(verb, given, config, run);
    }

    private static async Task<IEnumerable<string>> Names(Verb verb, List<string> given, DmConfig config, Run run)
    {
        if (config.Remote(config.CurrentRemote) is not { } current || Remote.Valid(current) is null)
        {
            return [];
        }

        using var time = CancellationTokenSource.CreateLinkedTokenSource(run.Interrupt);
        time.CancelAfter(Limit);
        try
        {
            return await Names(verb, given, config, current, time.Token);
        }
        catch (Exception silent) when (silent is DotmeshException or OperationCanceledException)
        {
            // no names then; there is no place for a message between the user's keys
            return [];
        }
    }

    private static async Task<IEnumerable<string>> Names(Verb verb, List<string> given, DmConfig config, Remote current, CancellationToken ct)
    {
        using var client = new DotmeshClient(current);
        switch (verb.Kinds[given.Count])
        {
            case Word.Dot:
                return (await client.List(ct)).Select(branch => branch.Name.Short);
            case Word.RemoteDot when given.Count > 0 && config.Remote(given[^1]) is { } other:
                using (var there = new DotmeshClient(other))
                {
                    return (await there.List(ct)).Select(branch => branch.Name.ToString());
                }

            case Word.Branch when verb.Kinds.Contains(Word.RemoteDot) && config.Remote(given[0]) is { } other:
                using (var there = new DotmeshClient(other))
                {
                    return (await there.Branches(DotName.Parse(given[^1], other.User), ct)).Append(DotmeshClient.MasterBranch);
                }

            case Word.Branch when Dot(verb, given, config) is { } dot:
                return (await client.Branches(dot, ct)).Append(DotmeshClient.MasterBranch);
            case Word.Commit when config.CurrentDot(config.CurrentRemote) is { } dot:
                var commits = await client.Commits(dot, config.CurrentBranch(config.CurrentRemote, dot), ct);
                return commits.Select(commit => commit.Id).Reverse().Append("HEAD").Append("HEAD^");
            case Word.Transfer:
                return (await client.Transfers(null, running: false, 100, ct)).Select(entry => entry.Transfer.TransferRequestId);
            case Word.Node:
                return (await client.Nodes(ct)).Select(node => node.Id);
            case Word.User:
                return (await client.Users(ct)).Select(user => user.Name);
            default:
                return [];
        }
    }

    /// <summary>The dot that was typed before, or the current one.</summary>
    private static DotName? Dot(Verb verb, List<string> given, DmConfig config)
    {
        var at = verb.Kinds.IndexOf(Word.Dot);
        return at >= 0 && at < given.Count ? DotName.Parse(given[at]) : config.CurrentDot(config.CurrentRemote);
    }

    public static string? Script(string shell) => shell switch
    {
        "bash" => """
            # eval "$(dm completion bash)"
            _dm() {
                local IFS=$'\n'
                COMPREPLY=($(dm __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
            }
            complete -o default -F _dm dm

            """,
        "zsh" => """
            #compdef dm
            # eval "$(dm completion zsh)"
            _dm() {
                local -a offers
                offers=("${(@f)$(dm __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
                [[ -n "${offers[1]}" ]] && compadd -a offers || _files
            }
            if [ "$funcstack[1]" = _dm ]; then _dm "$@"; else compdef _dm dm; fi

            """,
        "fish" => """
            # dm completion fish | source
            function __dm_complete
                set -l words (commandline -opc) (commandline -ct)
                dm __complete $words[2..-1] 2>/dev/null
            end
            complete -c dm -a '(__dm_complete)'

            """,
        _ => null,
    };
}
