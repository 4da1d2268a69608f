using System.CommandLine;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Config;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Commands;

/// <summary>Other clusters, and which of them commands are sent to (contract 7.3).</summary>
internal static class RemoteCommands
{
    public const string SecretVariable = "DOTMESH_PASSWORD";

    private static readonly Option<bool> Details = Options.Flag("--details", "-v", "Show users and hosts too.");
    private static readonly Option<string> KeyFile = Options.Text("--api-key-file", "File with the API key or password.", "PATH");

    public static Verb Remote() => new Verb("remote", "[-v]", "List clusters that are known, and choose the one to work with.")
    {
        Remarks = "Commands are sent to the current remote; push, pull and clone exchange data between it and another one.",
    }
        .Example("dm remote -v")
        .Example("dm remote add backup admin@backup.example.com", "asks for the API key")
        .Example("dm remote switch backup")
        .With(Details)
        .With(Add(), Remove(), Switch())
        .Does(List);

    private static Verb Add() => new Verb("add", "NAME USER@HOST[:PORT]", "Add a cluster.", Word.Text, Word.Text)
    {
        Remarks = $"The API key, or the password, is taken from the variable {SecretVariable}, from --api-key-file, or asked for. "
            + "Without a port the ones that servers use are tried: 443, 80, 32607, 6969.",
    }
        .Example("dm remote add backup admin@backup.example.com")
        .Example("dm remote add second admin@127.0.0.1:6979 --api-key-file ~/second.key")
        .With(KeyFile)
        .Does(AddRemote);

    private static Verb Remove() => new Verb("rm", "NAME", "Forget a cluster; nothing is deleted there.", Word.Remote)
        .Example("dm remote rm backup")
        .Does(async run =>
        {
            run.Exactly(1);
            var name = run.Words[0];
            var removed = await run.File.Update(config => config.RemoveRemote(name), run.Stop);
            if (!removed)
            {
                throw NoSuch(run, name);
            }
        });

    private static Verb Switch() => new Verb("switch", "NAME", "Send commands to another cluster.", Word.Remote)
        .Example("dm remote switch backup")
        .Does(async run =>
        {
            run.Exactly(1);
            var name = run.Words[0];
            if (run.Config.S3RemoteNames.Contains(name))
            {
                throw CommandFailure.Usage($"Cannot switch to remote '{name}' - is an S3 remote");
            }

            if (!run.Config.HasRemote(name))
            {
                throw NoSuch(run, name);
            }

            await run.Change(config => config.CurrentRemote = name);
        });

    private static CommandFailure NoSuch(Run run, string name) => new(
        ExitCodes.NotFound, $"No such remote '{name}'", Naming.Nearest.Hint(name, run.Config.RemoteNames, "dm remote -v"));

    private static Task List(Run run)
    {
        run.NoWords();
        var config = run.Config;
        var all = config.RemoteNames.Select(name => (Name: name, Where: $"{config.Remote(name)}"))
            .Concat(config.S3RemoteNames.Select(name => (Name: name, Where: config.S3KeyId(name))))
            .OrderBy(remote => remote.Name, StringComparer.Ordinal).ToList();
        if (run.Format != OutputFormat.Table)
        {
            run.Terminal.Out.Write(Shown(config).Text(all, run.Format, run.Terminal));
            return Task.CompletedTask;
        }

        foreach (var (name, where) in all)
        {
            // host without the port, as the original has it
            var mark = name == config.CurrentRemote ? "* " : "  ";
            run.Print(run.Value(Details) ? $"{mark}{name}\t{(config.Remote(name) is { } remote ? $"{remote.User}@{remote.Hostname}" : where)}" : name);
        }

        if (all.Count == 0)
        {
            run.Note("No remotes. Start a cluster with 'dm cluster init', or add one with 'dm remote add NAME USER@HOST'.");
        }

        return Task.CompletedTask;
    }

    private static Listing<(string Name, string Where)> Shown(DmConfig config) => new(
        remote => remote.Name,
        remote => new JsonObject { ["name"] = remote.Name, ["address"] = remote.Where, ["current"] = remote.Name == config.CurrentRemote });

    private static async Task AddRemote(Run run)
    {
        run.Exactly(2);
        var (name, place) = (run.Words[0], run.Words[1]);
        if (run.Config.HasRemote(name) || run.Config.S3RemoteNames.Contains(name))
        {
            throw new CommandFailure(ExitCodes.Conflict, $"Remote exists '{name}'");
        }

        // what is wrong is said before a secret is asked for
        if (Client.Remote.Parse(place, "") is null)
        {
            throw CommandFailure.Usage($"Please specify user@cluster-hostname, got [{string.Join(' ', run.Words)}]");
        }

        var secret = await run.Secret(SecretVariable, run.Value(KeyFile), "API key: ");
        var remote = Client.Remote.Parse(place, secret)!;
        using (var client = run.Connect(remote))
        {
            await client.Ping(run.Stop);
        }

        var first = await run.File.Update(
            config =>
            {
                if (config.HasRemote(name))
                {
                    throw new CommandFailure(ExitCodes.Conflict, $"Remote exists '{name}'");
                }

                config.AddRemote(name, remote);
                if (config.CurrentRemote.Length > 0)
                {
                    return false;
                }

                config.CurrentRemote = name;
                return true;
            },
            run.Stop);
        run.Print("Remote added.");
        if (first)
        {
            run.Print("Automatically switched to first remote.");
        }
    }
}
