using System.CommandLine;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>Versions, and the API by hand (contract 7.3).</summary>
internal static class InformationCommands
{
    private static readonly Option<bool> ParseJson = Options.Flag("--parse-json", null, "PARAMS is JSON, not a text.");

    public static string OwnVersion { get; } =
        (typeof(InformationCommands).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    public static Verb Version() => new Verb("version", "", "Show the versions of this program and of the cluster.")
        .Does(async run =>
        {
            run.NoWords();
            var (remote, version) = await Versions(run);
            if (run.Format != OutputFormat.Table)
            {
                var json = new JsonObject
                {
                    ["client"] = OwnVersion,
                    ["server"] = version.Installed,
                    ["outdated"] = version.Outdated,
                    ["remote"] = remote,
                };
                run.Show("", json, OwnVersion);
                return;
            }

            run.Print($"Current remote: {remote} (use 'dm remote -v' to list and 'dm remote switch' to switch)\n");
            run.Print($"Client:\n\tVersion: {OwnVersion}\nServer:\n\tVersion: {version.Installed}");
            if (version.Outdated)
            {
                run.Print($"\tUpgrade available\n\tLatest server version {version.Newest} available\n{version.DownloadUrl}");
            }
        });

    /// <summary>Without a cluster there is this program's.</summary>
    private static async Task<(string Remote, ServerVersion Version)> Versions(Run run)
    {
        try
        {
            return (run.RemoteName, await run.Client.Version(run.Stop));
        }
        catch (Exception failure) when (failure is DotmeshException or CommandFailure && run.Format == OutputFormat.Table)
        {
            run.Print($"Client:\n\tVersion: {OwnVersion}");
            throw;
        }
    }

    public static Verb Debug() => new Verb("debug", "METHOD [PARAMS] [--parse-json]", "Call a method of the API; prints the result as JSON.", Word.Text, Word.Text)
    {
        Remarks = "METHOD is sent as it stands. An error of the method is shown, and counts as a result, null: scripts of the original rely on that.",
    }
        .Example("dm debug DotmeshRPC.DumpInternalState")
        .Example("""dm debug --parse-json DotmeshRPC.Lookup '{"Namespace": "admin", "Name": "apples"}'""")
        .Example("dm debug rpc.discover", "all methods")
        .With(ParseJson)
        .Does(async run =>
        {
            if (run.Words.Length is not (1 or 2))
            {
                throw run.Misused();
            }

            var given = run.Words.ElementAtOrDefault(1);
            var parameters = given is null ? null : run.Value(ParseJson) ? Parsed(given) : JsonValue.Create(given);
            try
            {
                var result = await run.Client.Call(run.Words[0], parameters, run.Stop);
                run.Print(JsonText.Indented(JsonNode.Parse(result.GetRawText())));
            }
            catch (DotmeshException failure) when (failure.Kind is not (FailureKind.Unreachable or FailureKind.Unauthorized))
            {
                run.Print("null");
                run.Note(failure.Message);
            }
        });

    private static JsonNode? Parsed(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException odd)
        {
            throw CommandFailure.Usage($"PARAMS is not JSON: {odd.Message}");
        }
    }
}
