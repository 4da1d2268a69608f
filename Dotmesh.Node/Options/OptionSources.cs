using System.Text;
using System.Text.Json;
using Dotmesh.Actors;

namespace Dotmesh.Node.Options;

/// <summary>One text given for one option, and who gave it.</summary>
internal sealed record OptionSetting(OptionEntry Entry, string Text, string Source);

/// <summary>What the command line says.</summary>
internal sealed record OptionArguments(List<OptionSetting> Settings, string? ConfigFile, bool Help, bool Version);

/// <summary>Reads the places that options come from; whatever is wrong is added to the list of errors.</summary>
internal static class OptionSources
{
    private const string VariablePrefix = "DOTMESH__";
    private const int MisspeltLetters = 2;

    public static OptionArguments FromArguments(IReadOnlyList<string> arguments, List<string> errors)
    {
        var settings = new List<OptionSetting>();
        string? file = null;
        var help = false;
        var version = false;
        for (var i = 0; i < arguments.Count; i++)
        {
            var (name, value) = arguments[i].Split('=', 2) is [var left, var right] ? (left, right) : (arguments[i], null);
            switch (name)
            {
                case "--help" or "-h" or "-?":
                    help = true;
                    break;
                case "--version":
                    version = true;
                    break;
                case "--config" when value is not null || i + 1 < arguments.Count:
                    file = value ?? arguments[++i];
                    break;
                case "--config":
                    errors.Add("--config needs a value: --config FILE");
                    break;
                default:
                    AddArgument(name, value, settings, errors);
                    break;
            }
        }

        return new OptionArguments(settings, file, help, version);
    }

    public static List<OptionSetting> FromVariables(IReadOnlyDictionary<string, string> environment, List<string> errors)
    {
        var settings = new List<OptionSetting>();
        foreach (var (variable, text) in environment.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            // scripts pass on variables that they have no value for (contract behaviour 164)
            if (text.Length == 0 || !variable.StartsWith(VariablePrefix, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            var name = variable[VariablePrefix.Length..].Replace("__", ":", StringComparison.Ordinal);
            if (OptionTable.Find(name) is { } entry)
            {
                Add(new OptionSetting(entry, text, variable), "in the environment", settings, errors);
            }
            else
            {
                errors.Add(Unknown($"variable {variable}", OptionTable.Suggest(name)?.Variable));
            }
        }

        return settings;
    }

    public static List<OptionSetting> FromOriginalVariables(
        IReadOnlyDictionary<string, string> environment, List<string> errors)
    {
        var settings = new List<OptionSetting>();
        Misspelt(environment, errors);
        foreach (var entry in OptionTable.All)
        {
            var variable = entry.Option.OriginalVariable;
            if (variable.Length == 0 || !environment.TryGetValue(variable, out var text) || text.Length == 0)
            {
                continue;
            }

            if (!entry.Option.Secret)
            {
                settings.Add(new OptionSetting(entry, text, variable));
            }
            else if (FromBase64(text) is { } secret)
            {
                settings.Add(new OptionSetting(entry, secret, variable));
            }
            else
            {
                errors.Add($"{variable}: the value is not base64 of a text (make it with: printf %s SECRET | base64)");
            }
        }

        return settings;
    }

    /// <summary>
    /// Others may have variables that begin alike: only what is a letter or two from a variable of the original is taken for it.
    /// </summary>
    private static void Misspelt(IReadOnlyDictionary<string, string> environment, List<string> errors)
    {
        var originals = OptionTable.All.Select(entry => entry.Option.OriginalVariable).Where(name => name.Length > 0).ToHashSet(StringComparer.Ordinal);
        foreach (var (variable, text) in environment.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var alike = variable.StartsWith("INITIAL_ADMIN", StringComparison.Ordinal)
                || (variable.StartsWith("DOTMESH_", StringComparison.Ordinal)
                    && !variable.StartsWith(VariablePrefix, StringComparison.OrdinalIgnoreCase));
            if (alike && text.Length > 0 && !originals.Contains(variable)
                && Spelling.Closest(variable, originals, MisspeltLetters) is { } meant)
            {
                errors.Add(Unknown($"variable {variable}", meant));
            }
        }
    }

    /// <summary>An object of sections, each an object of options; comments and trailing commas are welcome.</summary>
    public static List<OptionSetting> FromFile(string json, string path, List<string> errors)
    {
        var settings = new List<OptionSetting>();
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(
                json, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        }
        catch (JsonException wrong)
        {
            errors.Add($"{path}: line {wrong.LineNumber + 1} is not JSON");
            return settings;
        }

        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                errors.Add($"{path}: is not an object of sections");
                return settings;
            }

            foreach (var section in document.RootElement.EnumerateObject())
            {
                if (section.Value.ValueKind != JsonValueKind.Object)
                {
                    errors.Add($"{path}: {section.Name} is not an object of options");
                    continue;
                }

                foreach (var option in section.Value.EnumerateObject())
                {
                    AddFromFile($"{section.Name}:{option.Name}", option.Value, path, settings, errors);
                }
            }
        }

        return settings;
    }

    private static void AddArgument(string name, string? value, List<OptionSetting> settings, List<string> errors)
    {
        var entry = name.StartsWith("--", StringComparison.Ordinal) ? OptionTable.Find(name[2..]) : null;
        if (entry is null)
        {
            // the value is not repeated: it may be a secret
            errors.Add(Unknown($"argument {name}", OptionTable.Suggest(name.TrimStart('-'))?.Argument));
        }
        else if (value is null)
        {
            errors.Add($"{name} needs a value: {entry.Argument}=VALUE");
        }
        else
        {
            Add(new OptionSetting(entry, value, "command line"), "on the command line", settings, errors);
        }
    }

    private static void AddFromFile(
        string name, JsonElement value, string path, List<OptionSetting> settings, List<string> errors)
    {
        if (OptionTable.Find(name) is not { } entry)
        {
            errors.Add($"{path}: {Unknown($"option {name}", OptionTable.Suggest(name)?.Name)}");
            return;
        }

        string? text = value.ValueKind switch
        {
            _ when entry.Option.Form == OptionForm.Json => value.GetRawText(),
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
            _ => null,
        };
        if (text is not null)
        {
            Add(new OptionSetting(entry, text, path), $"in {path}", settings, errors);
        }
        else if (value.ValueKind != JsonValueKind.Null)
        {
            errors.Add($"{path}: {entry.Name} is not a single value");
        }
    }

    private static void Add(OptionSetting setting, string where, List<OptionSetting> settings, List<string> errors)
    {
        if (settings.Any(other => other.Entry == setting.Entry))
        {
            errors.Add($"{setting.Entry.Name} is given twice {where}");
        }

        settings.Add(setting);
    }

    private static string Unknown(string what, string? suggestion) =>
        $"Unknown {what}." + (suggestion is null ? " --help lists all options." : $" Did you mean {suggestion}?");

    private static string? FromBase64(string text)
    {
        var bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text.Trim(), bytes, out var length))
        {
            return null;
        }

        try
        {
            // made with echo or from a file it ends with a line feed, which is no part of it: so does the reference's own example
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes, 0, length).Trim();
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
