using System.Text.Json;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>The cluster of the compose file: up, and answering.</summary>
internal static class ComposeCluster
{
    private const string Address = "127.0.0.1";
    private const int Port = 32607;

    private static readonly TimeSpan UsualLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(1);

    public static async Task Up(Run run, string file, string remoteName)
    {
        if (!File.Exists(file))
        {
            throw new CommandFailure(ExitCodes.NotFound, $"There is no {file} here.", "Run it in the checkout, or name the file with --compose-file.");
        }

        using (var compose = Launch.Program("docker", ["compose", "-f", file, "up", "-d", "--build"]))
        {
            // what it says is no data of this program
            await compose.StandardOutput.BaseStream.CopyToAsync(Console.OpenStandardError(), run.Stop);
            await compose.WaitForExitAsync(run.Stop);
            if (compose.ExitCode != 0)
            {
                throw new CommandFailure(ExitCodes.Error, $"docker compose ended with {compose.ExitCode}.");
            }
        }

        run.Note("Waiting until the nodes answer ...");
        var remote = await Ready(run, file);
        await run.Change(config =>
        {
            if (config.HasRemote(remoteName))
            {
                config.SetSecret(remoteName, remote.Secret);
            }
            else
            {
                config.AddRemote(remoteName, remote);
            }

            config.CurrentRemote = remoteName;
        });
        run.Print($"The cluster answers: {remote}. It is the remote '{remoteName}', and the current one. Next: dm init apples");
    }

    private static async Task<Remote> Ready(Run run, string file)
    {
        var (started, limit) = (run.Clock.GetTimestamp(), run.Timeout ?? UsualLimit);
        using var turns = new PeriodicTimer(Turn, run.Clock);
        while (await turns.WaitForNextTickAsync(run.Interrupt))
        {
            if (await Key(run, file) is { } key && new Remote("admin", Address, Port, key) is var remote && await Answering.WhyNot(run, remote) is null)
            {
                return remote;
            }

            if (run.Clock.GetElapsedTime(started) > limit)
            {
                throw new CommandFailure(
                    ExitCodes.StillRunning, $"The nodes do not answer after {Sizes.Duration(limit)}; they go on.",
                    $"'docker compose -f {file} ps' and 'logs node1' say more.");
            }
        }

        throw new OperationCanceledException(run.Interrupt);
    }

    /// <summary>Null as long as the node has not written it.</summary>
    private static async Task<string?> Key(Run run, string file)
    {
        using var cat = Launch.Program("docker", ["compose", "-f", file, "exec", "-T", "node1", "cat", "/var/lib/dotmesh/config/config"], quiet: true);
        var text = await cat.StandardOutput.ReadToEndAsync(run.Stop);
        await cat.WaitForExitAsync(run.Stop);
        try
        {
            return cat.ExitCode == 0 ? (string?)JsonNode.Parse(text)?["Remotes"]?["local"]?["ApiKey"] : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
