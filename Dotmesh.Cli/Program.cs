using System.CommandLine;
using System.CommandLine.Help;
using Dotmesh.Cli.Help;
using Dotmesh.Cli.Naming;
using Dotmesh.Cli.Running;

namespace Dotmesh.Cli;

internal static class Program
{
    // names may begin with @, which is a response file to the parser otherwise
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    private static async Task<int> Main(string[] arguments)
    {
        var root = Root.Make();
        if (arguments is [Root.Complete, ..])
        {
            // what follows is being typed, and no command line yet
            return await root.Parse([Root.Complete], Parsing).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }

        if (arguments is ["--version", ..])
        {
            Console.Out.WriteLine($"dm {Commands.InformationCommands.OwnVersion}");
            return ExitCodes.Done;
        }

        var parsed = root.Parse(Joined(arguments), Parsing);
        var verb = parsed.CommandResult.Command as Verb;

        if (arguments.Length == 0 || parsed.GetResult(root.Options.OfType<HelpOption>().First()) is { Implicit: false })
        {
            Console.Out.Write(verb is null ? HelpText.OfAll(root) : HelpText.Of(verb));
            return ExitCodes.Done;
        }

        if (parsed.Errors.Count > 0 || verb is not { Runs: true })
        {
            return Misused(root, verb, parsed);
        }

        if (UnknownOption(verb, parsed) is { } option)
        {
            var known = verb.Options.Concat(Globals.All).Where(one => !one.Hidden).SelectMany(one => one.Aliases.Prepend(one.Name)).Distinct();
            Console.Error.WriteLine($"{string.Join(' ', HelpText.Path(verb))} has no option {option}.");
            return Misused(verb, Nearest.Question(option.Split('=')[0], known));
        }

        return await parsed.InvokeAsync(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    /// <summary>What follows <c>-m</c> and <c>-d</c> is a text, whatever it begins with.</summary>
    private static string[] Joined(string[] arguments)
    {
        var joined = new List<string>();
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--")
            {
                return [.. joined, .. arguments[i..]];
            }

            var name = arguments[i] switch { "-m" or "--message" => "--message", "-d" or "--metadata" => "--metadata", _ => null };
            joined.Add(name is not null && i + 1 < arguments.Length ? $"{name}={arguments[++i]}" : arguments[i]);
        }

        return [.. joined];
    }

    /// <summary>The parser takes one for a word; what comes after <c>--</c> is one.</summary>
    private static string? UnknownOption(Verb verb, ParseResult parsed)
    {
        var words = verb.Words(parsed);
        return parsed.Tokens.Any(token => token.Type == System.CommandLine.Parsing.TokenType.DoubleDash)
            ? null
            : Array.Find(words, word => word.Length > 1 && word[0] == '-' && (char.IsAsciiLetter(word[1]) || word[1] == '-'));
    }

    private static int Misused(Verb? verb, string? hint)
    {
        if (hint is not null)
        {
            Console.Error.WriteLine(hint);
        }

        Console.Error.WriteLine(verb is null
            ? "'dm help' lists the commands."
            : $"Usage: {HelpText.UsageOf(verb)}   ('dm help {string.Join(' ', HelpText.Path(verb).Skip(1))}' says more)");
        return ExitCodes.Usage;
    }

    private static int Misused(RootCommand root, Verb? verb, ParseResult parsed)
    {
        var unknown = (parsed.UnmatchedTokens is [var first, ..] ? first : null)
            ?? (verb is { Runs: false } && verb.Words(parsed) is [var word, ..] ? word : null);
        if (verb is { Runs: true } || unknown is null)
        {
            foreach (var error in parsed.Errors)
            {
                Console.Error.WriteLine(error.Message);
            }

            return Misused(verb, hint: null);
        }

        Console.Error.WriteLine($"'{unknown}' is not a command of {(verb is null ? "dm" : string.Join(' ', HelpText.Path(verb)))}.");
        return Misused(verb, Nearest.Question(unknown, ((Command?)verb ?? root).Subcommands.Where(child => !child.Hidden).Select(child => child.Name)));
    }
}
