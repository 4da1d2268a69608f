using System.CommandLine;
using System.Globalization;

namespace Dotmesh.Cli.Running;

/// <summary>Options of the usual kinds.</summary>
internal static class Options
{
    /// <summary>There or not: the word that follows is a word.</summary>
    public static Option<bool> Flag(string name, string? alias, string says) =>
        new(name, alias is null ? [] : [alias]) { Description = says, Arity = ArgumentArity.Zero };

    /// <summary>A whole number from 1; 0 when it is not given.</summary>
    public static Option<int> Number(string name, string? alias, string says, string helpName, int most = int.MaxValue) => new(name, alias is null ? [] : [alias])
    {
        Description = says,
        HelpName = helpName,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most)
            {
                return number;
            }

            result.AddError($"{name} is a whole number from 1{(most == int.MaxValue ? "" : $" to {most}")}, not {(text.Length == 0 ? "nothing" : text)}.");
            return 0;
        },
    };

    public static Option<string> Text(string name, string says, string helpName) => new(name) { Description = says, HelpName = helpName };
}
