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
        var word = typed.Count == 0 ? "" : typed[^1];
        var (command, given, valueOf) = Where(root, typed.Count == 0 ? [] : [.. typed.Take(typed.Count - 1)]);
        IEnumerable<string> offers = valueOf is not null ? Values(valueOf)
            : word.StartsWith('-') ? command.Options.Concat(Globals.All).Distinct().Where(option => !option.Hidden).Select(option => option.Name)
            : [.. command.Subcommands.Where(child => !child.Hidden).Select(child => child.Name), .. await Names(run, command as Verb, given)];
        return [.. offers.Where(offer => offer.StartsWith(word, StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>The command, its words so far, and the option whose value comes next.</summary>
    private static (Command Command, List<string> Given, Option? ValueOf) Where(RootCommand root, IReadOnlyList<string> words)
    {
        Command command = root;
        var given = new List<string>();
        Option? valueOf = null;
        foreach (var word in words)
        {
            if (valueOf is not null)
            {
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

        return (command, given, valueOf);
    }

    private static IEnumerable<string> Values(Option option) => option.Name switch
    {
        "--output" => ["table", "json", "jsonl", "name"],
        "--durability" => ["local", "replicated"],
        _ => [],
    };

    private static async Task<IEnumerable<string>> Names(Run run, Verb? verb, List<string> given)
    {
        if (verb is null || given.Count >= verb.Kinds.Length)
        {
            return [];
        }

        var config = run.Config;
        if (verb.Kinds[given.Count] == Word.Remote)
        {
            return config.RemoteNames.Concat(config.S3RemoteNames);
        }

        if (config.Remote(config.CurrentRemote) is not { } current)
        {
            return [];
        }

        using var time = CancellationTokenSource.CreateLinkedTokenSource(run.Stop);
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
            compdef _dm dm

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
