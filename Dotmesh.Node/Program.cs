using System.Collections;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Storage;
using Dotmesh.Node.Commands;
using Dotmesh.Node.Hosting;
using Dotmesh.Node.Options;

const int WrongOptions = 2;
const int CannotStart = 1;

var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
    .ToDictionary(pair => (string)pair.Key, pair => (string?)pair.Value ?? string.Empty, StringComparer.Ordinal);
if (MakeCertificates.Asked(args))
{
    return await MakeCertificates.Run(args, TimeProvider.System, Console.Out, Console.Error);
}

if (PostgresKeeper.Asked(args))
{
    return await PostgresKeeper.Run(args, TimeProvider.System);
}

if (ClusterOf.Asked(args))
{
    return await ClusterOf.Run(args, environment, TimeProvider.System);
}

switch (NodeOptions.Load(args, environment, NodeOptions.ReadFile))
{
    case OptionsResult.Answered answered:
        await Console.Out.WriteAsync(answered.Text);
        return 0;
    case OptionsResult.Refused refused:
        foreach (var error in refused.Errors)
        {
            await Console.Error.WriteLineAsync(error);
        }

        return WrongOptions;
    case OptionsResult.Loaded loaded:
        return await Run(loaded);
    default:
        throw new InvalidOperationException("options are loaded, refused or answered");
}

static async Task<int> Run(OptionsResult.Loaded loaded)
{
    using var signals = new StopSignals();
    if (loaded.Options.Node.StopAtEndOfInput == Answer.Yes)
    {
        signals.StopAtEndOf(Console.OpenStandardInput(), TimeProvider.System);
    }

    try
    {
        await NodeLife.Run(
            () => RunOnce(loaded, signals), Console.Error.WriteLineAsync, TimeProvider.System, signals.Requested);
        return 0;
    }
    catch (OperationCanceledException) when (signals.Requested.IsCancellationRequested)
    {
        return 0;
    }
    catch (Exception failure) when (failure is StartFailureException or StorageException or DatabaseException or NodeRefusedException)
    {
        await Console.Error.WriteLineAsync($"The node cannot start. {failure.Message}");
        return CannotStart;
    }
}

// null: it was asked to stop
static async Task<string?> RunOnce(OptionsResult.Loaded loaded, StopSignals signals)
{
    NodeHost started;
    try
    {
        started = await NodeHost.Start(loaded.Options, loaded.Effective, signals.Requested);
    }
    catch (PlaceLostException lost)
    {
        return lost.Message;
    }

    await using var node = started;
    await Console.Out.WriteAsync(node.Banner);
    if (await Task.WhenAny(signals.Wait(), node.Lost) == node.Lost)
    {
        await node.Abandon(await node.Lost, signals.Requested);
        return await node.Lost;
    }

    await node.HandOver();
    return null;
}
