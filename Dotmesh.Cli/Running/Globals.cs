using System.CommandLine;
using System.Globalization;
using Dotmesh.Cli.Output;

namespace Dotmesh.Cli.Running;

/// <summary>Options of every command.</summary>
internal static class Globals
{
    public static readonly Option<string> Config = new("--config", "-c") { Description = "Config file (~/.dotmesh/config).", HelpName = "PATH" };

    public static readonly Option<OutputFormat> Output = Parsed<OutputFormat>("--output", "-o", Format);

    public static readonly Option<bool> Yes = Options.Flag("--yes", "-y", "Answer yes to every question.");

    public static readonly Option<bool> NoInput = Options.Flag("--no-input", null, "Never ask: fail instead.");

    public static readonly Option<TimeSpan> Timeout = Parsed<TimeSpan>("--timeout", null, Duration);

    public static readonly Option<bool> Verbose = Options.Flag("--verbose", null, "Show requests and replies, without secrets.");

    public static readonly Option[] All = [Config, Output, Yes, NoInput, Timeout, Verbose];

    static Globals()
    {
        (Output.Description, Output.HelpName) = ("table, json, jsonl (a line for each item) or name.", "FORMAT");
        foreach (var option in All)
        {
            option.Recursive = true;
        }

        (Timeout.Description, Timeout.HelpName) = ("How long to wait at most: 30s, 5m, 1h.", "TIME");
    }

    public static OutputFormat? Format(string text) => text switch
    {
        "table" => OutputFormat.Table,
        "json" => OutputFormat.Json,
        "jsonl" => OutputFormat.JsonLines,
        "name" => OutputFormat.Name,
        _ => null,
    };

    /// <summary>Seconds, or a number with s, m or h.</summary>
    public static TimeSpan? Duration(string text)
    {
        var seconds = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, >= '0' and <= '9' => 1, _ => 0 };
        var number = text.TrimEnd('s', 'm', 'h');
        return seconds > 0 && text.Length - number.Length <= 1 && double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && value * seconds is > 0 and < 1_000_000
            ? TimeSpan.FromSeconds(value * seconds)
            : null;
    }

    private static Option<T> Parsed<T>(string name, string? alias, Func<string, T?> parse)
        where T : struct => new(name, alias is null ? [] : [alias])
        {
            CustomParser = result =>
            {
                var text = result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;
                if (parse(text) is { } value)
                {
                    return value;
                }

                result.AddError($"{name} cannot be {(text.Length == 0 ? "nothing" : text)}.");
                return default;
            },
        };
}
