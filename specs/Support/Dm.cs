using System.Text.RegularExpressions;
using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>The command line as a real program, with a config file of its own.</summary>
public sealed partial class Dm(string config)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public string Config => config;

    /// <summary>The words that start it: the native binary that <c>DOTMESH_SPEC_DM</c> names, else the program beside the specs.</summary>
    public static string[] Program { get; } = Environment.GetEnvironmentVariable("DOTMESH_SPEC_DM") is { Length: > 0 } native
        ? [native]
        : [Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", Path.Combine(AppContext.BaseDirectory, "dm.dll")];

    /// <summary>The command line of a node's own config file.</summary>
    public static Dm Of(NodeProcess node) => new(node.Setup.ConfigFile);

    /// <summary>For a shell in which people type <c>dm</c>.</summary>
    public static string ShellFunction => $$"""dm() { {{string.Join(' ', Program.Select(word => $"'{word}'"))}} "$@"; }""";

    /// <summary>Program and arguments of a run.</summary>
    public string[] Line(params string[] words) => [.. Program, "--config", config, .. words];

    public Task<ChildResult> Run(params string[] words) => RunWith([], words);

    public Task<ChildResult> RunWith((string Name, string Value)[] environment, params string[] words)
    {
        var line = Line(words);
        return ChildProcess.Run(
            line[0], line.Skip(1), environment.ToDictionary(pair => pair.Name, pair => (string?)pair.Value), limit: Limit);
    }

    /// <summary>What a run that is to succeed prints on stdout, without the last line end.</summary>
    public async Task<string> Says(params string[] words)
    {
        var result = await Run(words);
        Assert.True(result.ExitCode == 0, $"dm {string.Join(' ', words)}: {result}");
        return result.Output;
    }

    /// <summary>What a run that is to fail with a code prints on stderr.</summary>
    public async Task<string> Fails(int exitCode, params string[] words)
    {
        var result = await Run(words);
        Assert.True(result.ExitCode == exitCode, $"dm {string.Join(' ', words)} is to end with {exitCode}: {result}");
        return result.Errors;
    }

    /// <summary>Adds a node as a remote, its key by the variable.</summary>
    public async Task Add(string name, NodeProcess node, string? user = null, string? secret = null)
    {
        var added = await RunWith(
            [("DOTMESH_PASSWORD", secret ?? NodeProcess.ReadKey(node.Setup))],
            "remote", "add", name, $"{user ?? "admin"}@{node.Setup.Host}:{node.Setup.ClientPort}");
        Assert.True(added.ExitCode == 0, added.ToString());
    }

    /// <summary>A text with what differs from run to run replaced by names, in the order in which it comes.</summary>
    public static string Golden(string text)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        string Named(string kind, Match match)
        {
            if (!names.TryGetValue(match.Value, out var name))
            {
                names[match.Value] = name = $"<{kind}{names.Values.Count(known => known.StartsWith($"<{kind}", StringComparison.Ordinal)) + 1}>";
            }

            return name;
        }

        var plain = Id().Replace(text, match => Named("id", match));
        plain = NodeId().Replace(plain, match => Named("node", match));
        plain = Nanoseconds().Replace(plain, match => Named("time", match));
        return plain.ReplaceLineEndings("\n").TrimEnd('\n');
    }

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Id();

    [GeneratedRegex(@"\b[0-9a-f]{15,16}\b")]
    private static partial Regex NodeId();

    [GeneratedRegex(@"\b[0-9]{19}\b")]
    private static partial Regex Nanoseconds();
}
