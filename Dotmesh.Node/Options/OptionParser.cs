using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Dotmesh.Actors;

namespace Dotmesh.Node.Options;

/// <summary>A value, or what is wrong with its text.</summary>
internal readonly record struct ParsedOption(object? Value, string? Fault = null);

/// <summary>Turns an option's text into its value, or says what is wrong with the text: pure.</summary>
internal static class OptionParser
{
    public static ParsedOption Parse(OptionEntry entry, string text)
    {
        var type = entry.Property.PropertyType;
        if (type == typeof(int))
        {
            return ParseNumber(entry.Option, text);
        }

        if (type == typeof(LogLevel))
        {
            return ParseName(type, LevelOfTheOriginal(text), text);
        }

        if (type.IsEnum)
        {
            return ParseName(type, text, text);
        }

        if (type == typeof(ImmutableSortedDictionary<string, FaultAction>))
        {
            return ParseFaultPoints(text);
        }

        // an empty text takes an option back that a file or variable has set
        var fault = text.Length == 0 && entry.Option.Form is not (OptionForm.Json or OptionForm.Address)
            ? null
            : CheckForm(entry.Option.Form, text);
        return new ParsedOption(text, fault);
    }

    private static ParsedOption ParseNumber(OptionAttribute option, string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
        && number >= option.Min && number <= option.Max
            ? new ParsedOption(number)
            : Wrong($"'{text}' is not a whole number from {option.Min} to {option.Max}");

    private static ParsedOption ParseName(Type type, string name, string text)
    {
        // by name only: Enum.TryParse would take numbers and comma lists too
        var known = Enum.GetNames(type).FirstOrDefault(known => known.Equals(name, StringComparison.OrdinalIgnoreCase));
        return known is null
            ? Wrong($"'{text}' is none of {string.Join(", ", Enum.GetNames(type)).ToLowerInvariant()}")
            : new ParsedOption(Enum.Parse(type, known));
    }

    // the original's logger had other names for the same
    private static string LevelOfTheOriginal(string text) => text.ToLowerInvariant() switch
    {
        "info" => nameof(LogLevel.Information),
        "warn" => nameof(LogLevel.Warning),
        "fatal" or "panic" => nameof(LogLevel.Critical),
        _ => text,
    };

    private static ParsedOption ParseFaultPoints(string text)
    {
        var points = ImmutableSortedDictionary.CreateBuilder<string, FaultAction>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var (name, action) = part.Split('=') is [var left, var right] ? (left, right) : ("", "");
            if (name.Length == 0 || action is not ("error" or "kill"))
            {
                return Wrong($"'{part}' is not of the form NAME=error or NAME=kill");
            }

            if (FaultPoints.CheckName(name) is { } unknown)
            {
                return Wrong(unknown);
            }

            points[name] = action == "kill" ? FaultAction.Kill : FaultAction.Error;
        }

        return new ParsedOption(points.ToImmutable());
    }

    private static string? CheckForm(OptionForm form, string text) => form switch
    {
        OptionForm.Path when text != "~" && !text.StartsWith("~/", StringComparison.Ordinal) && !Path.IsPathFullyQualified(text) =>
            $"'{text}' is not an absolute path (one that begins with / or ~/)",
        OptionForm.Url when !Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") =>
            $"'{text}' is not an http or https address",
        OptionForm.Address when !IPAddress.TryParse(text, out _) =>
            $"'{text}' is not an IP address (127.0.0.1 for this machine only, 0.0.0.0 for all)",
        OptionForm.Json when !IsJson(text) => "the text is not JSON",
        _ => null,
    };

    private static bool IsJson(string text)
    {
        try
        {
            using var parsed = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static ParsedOption Wrong(string fault) => new(null, fault);
}
