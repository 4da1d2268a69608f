using System.Collections;
using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Storage;
using Dotmesh.Node.Hosting;
using Dotmesh.Node.Options;

const int WrongOptions = 2;
const int CannotStart = 1;

var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
    .ToDictionary(pair => (string)pair.Key, pair => (string?)pair.Value ?? string.Empty, StringComparer.Ordinal);
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
    try
    {
        // a node that lost its place in the cluster begins anew in the same process: what it holds is compared with what the others
        // have made of it, and nobody has to restart it
        var lost = await RunOnce(loaded, signals);
        while (lost is not null)
        {
            await Console.Error.WriteLineAsync($"The node begins anew: {lost}");
            lost = await RunAgain(loaded, signals);
        }

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

// It has run with these options, so what keeps it from starting now will pass: a database or a seed that is away.
static async Task<string?> RunAgain(OptionsResult.Loaded loaded, StopSignals signals)
{
    try
    {
        return await RunOnce(loaded, signals);
    }
    catch (Exception passing) when (passing is DatabaseException or NodeRefusedException { Passes: true })
    {
        await Task.Delay(TimeSpan.FromSeconds(1), signals.Requested);
        return passing.Message;
    }
}

// null: it was asked to stop
static async Task<string?> RunOnce(OptionsResult.Loaded loaded, StopSignals signals)
{
    await using var node = await NodeHost.Start(loaded.Options, loaded.Effective, signals.Requested);
    await Console.Out.WriteAsync(node.Banner);
    if (await Task.WhenAny(signals.Wait(), node.Lost) == node.Lost)
    {
        return await node.Lost;
    }

    await node.HandOver();
    return null;
}
