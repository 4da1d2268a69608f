using System.CommandLine;
using System.Text;
using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Help;

/// <summary>Help of a command: examples first.</summary>
internal static class HelpText
{
    private const int Width = 100;
    private const int Indent = 2;

    public static string Of(Verb verb)
    {
        var text = new StringBuilder($"{verb.Description}\n\n");
        if (verb.Examples.Length > 0)
        {
            text.Append("Examples:\n");
            Columns(text, verb.Examples.Select(example => (example.Line, example.Says)));
            text.Append('\n');
        }

        text.Append($"Usage:\n  {UsageOf(verb)}\n\n");
        if (verb.Remarks.Length > 0)
        {
            text.Append(Wrapped(verb.Remarks, 0)).Append("\n\n");
        }

        if (verb.Subcommands.Any(child => !child.Hidden))
        {
            text.Append("Commands:\n");
            Columns(text, verb.Subcommands.Where(child => !child.Hidden).Select(child => (child.Name, child.Description ?? "")));
            text.Append('\n');
        }

        Options(text, "Options", verb.Options.Where(option => !Globals.All.Contains(option)));
        text.Append("'dm help' lists all commands and the options that all of them have.\n");
        return text.ToString();
    }

    public static string OfAll(RootCommand root)
    {
        var text = new StringBuilder("dm, the command line of Dotmesh: git for data.\n\nExamples:\n");
        Columns(text, [
            ("dm cluster init", "start a node on this machine"),
            ("dm init apples", "make a dot"),
            ("dm mount apples ./data", "its files, here"),
            ("dm commit -m 'Two apples'", "keep what is in it now"),
            ("dm checkout -b pears", "try something on a branch"),
            ("dm reset --hard HEAD^", "undo the last commit"),
            ("dm push backup", "to another cluster"),
        ]);
        foreach (var (title, names) in Root.Groups)
        {
            text.Append($"\n{title}:\n");
            Columns(text, names.Select(name => root.Subcommands.First(child => child.Name == name)).Select(child => (child.Name, child.Description ?? "")));
        }

        text.Append('\n');
        Options(text, "Options of every command", Globals.All);
        text.Append("'dm help COMMAND' or 'dm COMMAND --help' says more. Commits are named by id, the beginning of one, HEAD, HEAD^ or HEAD~2.\n"
            + "Exit codes: 0 done, 1 error, 2 usage, 3 not found, 4 not permitted, 5 conflict (diverged, dirty, in use), 8 still running.\n");
        return text.ToString();
    }

    public static string UsageOf(Verb verb)
    {
        var name = string.Join(' ', Path(verb));
        return verb.Runs ? $"{name} {verb.Usage}".TrimEnd() : $"{name} COMMAND";
    }

    /// <summary><c>dm dot show</c>, word by word.</summary>
    public static IEnumerable<string> Path(Command command) =>
        command.Parents.OfType<Verb>().FirstOrDefault() is { } parent ? Path(parent).Append(command.Name) : ["dm", command.Name];

    public static string Signature(Option option)
    {
        var names = string.Join(", ", option.Aliases.Prepend(option.Name).OrderBy(name => name.Length));
        return option.HelpName is { Length: > 0 } value ? $"{names} {value}" : names;
    }

    private static void Options(StringBuilder text, string title, IEnumerable<Option> options)
    {
        var shown = options.Where(option => !option.Hidden && option is not System.CommandLine.Help.HelpOption).ToList();
        if (shown.Count > 0)
        {
            text.Append($"{title}:\n");
            Columns(text, shown.Select(option => (Signature(option), option.Description ?? "")));
            text.Append('\n');
        }
    }

    private static void Columns(StringBuilder text, IEnumerable<(string Left, string Right)> rows)
    {
        const int widestLeft = 44, gap = 3;
        var all = rows.ToList();
        var left = Math.Min(widestLeft, all.Max(row => row.Left.Length)) + Indent;
        foreach (var row in all)
        {
            var start = new string(' ', Indent) + row.Left;
            var right = Wrapped(row.Right, left + gap);
            text.Append(row.Right.Length == 0 ? start
                : start.Length <= left ? start.PadRight(left + gap) + right.TrimStart()
                : $"{start}\n{right}").Append('\n');
        }
    }

    private static string Wrapped(string text, int indent)
    {
        var lines = new List<string>();
        var line = new StringBuilder();
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && indent + line.Length + 1 + word.Length > Width)
            {
                lines.Add(line.ToString());
                line.Clear();
            }

            line.Append(line.Length > 0 ? " " : "").Append(word);
        }

        lines.Add(line.ToString());
        return string.Join('\n', lines.Select(part => new string(' ', indent) + part));
    }
}
