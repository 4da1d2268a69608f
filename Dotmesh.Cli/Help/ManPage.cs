using System.CommandLine;
using System.Text;
using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Help;

/// <summary>Manual pages in roff, from what help knows: <c>dm.1</c>, and one for each command.</summary>
internal static class ManPage
{
    /// <summary>File name -> text.</summary>
    public static IEnumerable<(string Name, string Text)> All(RootCommand root, string version)
    {
        yield return ("dm.1", OfRoot(root, version));
        foreach (var verb in Verbs(root))
        {
            yield return ($"{string.Join('-', HelpText.Path(verb))}.1", Of(verb, version));
        }
    }

    public static IEnumerable<Verb> Verbs(Command command) =>
        command.Subcommands.OfType<Verb>().Where(verb => !verb.Hidden).SelectMany(verb => Verbs(verb).Prepend(verb));

    private static string OfRoot(RootCommand root, string version)
    {
        var text = Begin("dm", "the command line of Dotmesh: git for data", version);
        text.Append(".SH SYNOPSIS\n.B dm\nCOMMAND [ARGUMENTS]\n.SH COMMANDS\n");
        foreach (var verb in root.Subcommands.OfType<Verb>().Where(verb => !verb.Hidden))
        {
            text.Append($".TP\n.BR dm-{verb.Name} (1)\n{Escaped(verb.Description ?? "")}\n");
        }

        Options(text, "OPTIONS OF EVERY COMMAND", Globals.All);
        text.Append(".SH EXIT STATUS\n0 done, 1 error, 2 usage, 3 not found, 4 not permitted, 5 conflict, 8 still running.\n");
        text.Append(".SH FILES\n.TP\n.I ~/.dotmesh/config\nRemotes with their keys, and the current dot and branch of each.\n");
        text.Append(".SH ENVIRONMENT\n.TP\n.B DOTMESH_PASSWORD\nAPI key or password, for 'dm remote add' and 'dm user apikey reset'.\n");
        text.Append(".TP\n.B DOTMESH_NEW_PASSWORD\nThe password for 'dm user add' and 'dm user passwd'.\n");
        text.Append(".TP\n.BR NO_COLOR , \" CLICOLOR_FORCE\"\nNo colours; colours even where stdout is no terminal.\n");
        text.Append(".TP\n.BR DM_PAGER , \" PAGER\"\nWhat shows long logs.\n");
        return text.ToString();
    }

    private static string Of(Verb verb, string version)
    {
        var path = HelpText.Path(verb).ToList();
        var text = Begin(string.Join('-', path), (verb.Description ?? "").TrimEnd('.'), version);
        text.Append($".SH SYNOPSIS\n.B {Escaped(string.Join(' ', path))}\n{Line(verb.Runs ? verb.Usage : "COMMAND")}");
        text.Append($".SH DESCRIPTION\n{Escaped(verb.Description ?? "")}\n");
        if (verb.Remarks.Length > 0)
        {
            text.Append($".PP\n{Escaped(verb.Remarks)}\n");
        }

        if (verb.Subcommands.OfType<Verb>().Any(child => !child.Hidden))
        {
            text.Append(".SH COMMANDS\n");
            foreach (var child in verb.Subcommands.OfType<Verb>().Where(child => !child.Hidden))
            {
                text.Append($".TP\n.BR {string.Join('-', HelpText.Path(child))} (1)\n{Escaped(child.Description ?? "")}\n");
            }
        }

        Options(text, "OPTIONS", verb.Options.Where(option => !Globals.All.Contains(option)));
        if (verb.Examples.Length > 0)
        {
            text.Append(".SH EXAMPLES\n");
            foreach (var example in verb.Examples)
            {
                text.Append($".TP\n.B {Escaped(example.Line)}\n{Line(example.Says)}");
            }
        }

        return text.Append(".SH SEE ALSO\n.BR dm (1)\n").ToString();
    }

    private static StringBuilder Begin(string name, string summary, string version) =>
        new($".TH {name.ToUpperInvariant()} 1 \"\" \"dm {version}\" \"Dotmesh\"\n.SH NAME\n{Escaped(name)} \\- {Escaped(summary)}\n");

    private static void Options(StringBuilder text, string title, IEnumerable<Option> options)
    {
        var shown = options.Where(option => !option.Hidden && option is not System.CommandLine.Help.HelpOption).ToList();
        if (shown.Count == 0)
        {
            return;
        }

        text.Append($".SH {title}\n");
        foreach (var option in shown)
        {
            text.Append($".TP\n.B {Escaped(HelpText.Signature(option))}\n{Escaped(option.Description ?? "")}\n");
        }
    }

    // an empty line would be a paragraph
    private static string Line(string text) => text.Length == 0 ? "" : $"{Escaped(text)}\n";

    private static string Escaped(string text)
    {
        // as they are typed: some would be printed as signs of typography, and a quote begins an argument of a macro
        var escaped = text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal)
            .Replace("\"", "\\(dq", StringComparison.Ordinal).Replace("'", "\\(aq", StringComparison.Ordinal)
            .Replace("^", "\\(ha", StringComparison.Ordinal).Replace("~", "\\(ti", StringComparison.Ordinal).Replace("`", "\\(ga", StringComparison.Ordinal);
        return escaped is ['.', ..] ? $"\\&{escaped}" : escaped;
    }
}
