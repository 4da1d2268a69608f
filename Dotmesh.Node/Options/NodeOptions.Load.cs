using System.Collections.Immutable;
using Dotmesh.Actors;

namespace Dotmesh.Node.Options;

/// <param name="Name"><c>Section:Name</c>.</param>
/// <param name="Value">As printed; secrets masked.</param>
/// <param name="Source"><c>default</c>, a file, a variable, <c>command line</c>.</param>
public sealed record EffectiveOption(string Name, string Value, string Source);

/// <summary>What comes of reading the options.</summary>
public abstract record OptionsResult
{
    private OptionsResult()
    {
    }

    /// <summary>Start with these.</summary>
    public sealed record Loaded(NodeOptions Options, ImmutableArray<EffectiveOption> Effective) : OptionsResult;

    /// <summary>Print all errors, a line each, and stop with status 2.</summary>
    public sealed record Refused(ImmutableArray<string> Errors) : OptionsResult;

    /// <summary>Print the text and stop with status 0: <c>--help</c>, <c>--version</c>.</summary>
    public sealed record Answered(string Text) : OptionsResult;
}

public sealed partial record NodeOptions
{
    private const string FileName = "node.json";

    /// <summary>
    /// Reads options from, later ones winning: defaults; the file of <c>--config FILE</c>, else <c>node.json</c> in
    /// Node:ConfigFolder where there is one; <c>DOTMESH__SECTION__NAME</c> variables; the original server's variables; the
    /// command line (<c>--section:name=VALUE</c>). Pure but for <paramref name="readFile"/>, which refuses with
    /// <see cref="RefusalCode.NotFound"/> when there is no such file.
    /// </summary>
    public static OptionsResult Load(
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string> environment,
        Func<string, Outcome<string>> readFile)
    {
        var errors = new List<string>();
        var line = OptionSources.FromArguments(arguments, errors);
        if (line.Help || line.Version)
        {
            return new OptionsResult.Answered(line.Help ? OptionTexts.Help() : OptionTexts.Version());
        }

        var variables = OptionSources.FromVariables(environment, errors);
        var originals = OptionSources.FromOriginalVariables(environment, errors);
        var home = Home(environment);
        var file = ReadConfigFile(line, variables, home, readFile, errors);

        var options = new NodeOptions();
        var sources = new Dictionary<OptionEntry, string>();
        var wrong = new HashSet<OptionEntry>();
        foreach (var setting in new[] { file, variables, originals, line.Settings }.SelectMany(settings => settings))
        {
            Apply(setting, options, sources, wrong, errors);
        }

        new OptionResolution(options, sources, wrong, home, readFile, errors).Run();
        return errors.Count > 0
            ? new OptionsResult.Refused([.. errors])
            : new OptionsResult.Loaded(
                options,
                [
                    .. OptionTable.All.Select(entry => new EffectiveOption(
                        entry.Name, entry.Format(entry.Get(options)), sources.GetValueOrDefault(entry, "default"))),
                ]);
    }

    /// <summary>The reader for a process: the file as text, or why not.</summary>
    public static Outcome<string> ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return new Refusal(RefusalCode.NotFound, $"there is no file {path}");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new Refusal(RefusalCode.Denied, $"{path} cannot be read: {failure.Message}");
        }
    }

    private static string? Home(IReadOnlyDictionary<string, string> environment) =>
        new[] { "HOME", "USERPROFILE" }
            .Select(name => environment.GetValueOrDefault(name))
            .FirstOrDefault(folder => !string.IsNullOrEmpty(folder));

    private static List<OptionSetting> ReadConfigFile(
        OptionArguments line,
        List<OptionSetting> variables,
        string? home,
        Func<string, Outcome<string>> readFile,
        List<string> errors)
    {
        var path = line.ConfigFile;
        if (path is null)
        {
            var folder = line.Settings.Concat(variables)
                .FirstOrDefault(setting => setting.Entry.Name == "Node:ConfigFolder")?.Text
                ?? new NodeOptions().Node.ConfigFolder;
            if (OptionResolution.ExpandHome(folder, home) is not { } expanded)
            {
                return [];
            }

            path = Path.Join(expanded, FileName);
        }

        var read = readFile(path);
        if (!read.Refused(out var refusal))
        {
            return OptionSources.FromFile(read.Value, path, errors);
        }

        if (line.ConfigFile is not null || refusal.Code != RefusalCode.NotFound)
        {
            errors.Add($"{(line.ConfigFile is null ? "Node:ConfigFolder" : "--config")}: {refusal.Message}");
        }

        return [];
    }

    private static void Apply(
        OptionSetting setting, NodeOptions options, Dictionary<OptionEntry, string> sources, HashSet<OptionEntry> wrong, List<string> errors)
    {
        var parsed = OptionParser.Parse(setting.Entry, setting.Text);
        if (parsed.Fault is { } fault)
        {
            wrong.Add(setting.Entry);
            errors.Add($"{setting.Entry.Name} ({setting.Source}): {fault}");
            return;
        }

        setting.Entry.Set(options, parsed.Value!);
        sources[setting.Entry] = setting.Source;
    }
}
