using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>Whether a cluster answers, and whether a process of this machine is there.</summary>
internal static class Answering
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>Null: it answers, to this secret. Else why not yet.</summary>
    public static async Task<string?> WhyNot(Run run, Remote remote)
    {
        using var client = run.Connect(remote);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(run.Interrupt);
        limit.CancelAfter(Limit);
        try
        {
            await client.Ping(limit.Token);
            return null;
        }
        catch (DotmeshException away)
        {
            return away.Message;
        }
        catch (OperationCanceledException) when (!run.Interrupt.IsCancellationRequested)
        {
            return $"no answer within {Limit.TotalSeconds:0} s";
        }
    }

    /// <summary>False too for one that has ended and that nobody has asked about: it is still listed.</summary>
    public static bool Runs(string process)
    {
        try
        {
            // the state follows the name, which is in brackets and may hold anything
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[(stat.LastIndexOf(')') + 1)..].TrimStart() is not ['Z' or 'X', ..];
        }
        catch (IOException)
        {
            return false;
        }
    }
}
