using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Database;
using Dotmesh.Node.Options;
using Dotmesh.Rpc.Docker;

namespace Dotmesh.Node.Hosting;

/// <summary>The container engine of this host.</summary>
public sealed partial class NodeHost
{
    /// <summary>What an engine waits for its managed plugin that starts; one that is not there is waited for as long.</summary>
    private static readonly TimeSpan EngineWaits = TimeSpan.FromSeconds(15);

    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile IVolumes? _volumes;

    private async Task ListenForEngine(ILoggerFactory logs, CancellationToken ct)
    {
        if (_options.Docker.Plugin == Answer.Yes)
        {
            // as a managed plugin it is started by the engine, which then asks at once, and leaves a container stopped that it was refused
            var begun = IsManaged ? Task.WhenAny(_begun.Task, Task.Delay(EngineWaits, TimeProvider.System, ct)) : Task.CompletedTask;
            var plugin = new VolumePlugin(() => _volumes, WhyNoVolumes, begun, logs.CreateLogger<VolumePlugin>());
            _parts.Push((await PluginListener.Open(_options.Docker.PluginSocket, plugin, logs, ct)).DisposeAsync);
        }
    }

    private string WhyNoVolumes() => _out?.Message
        ?? (_notReady == Stopping ? "dotmesh is stopping on this host" : "dotmesh still starting on this host: try again in a moment");

    private bool IsManaged => _options.Docker.Driver.Length > 0;

    private string Driver =>
        IsManaged ? _options.Docker.Driver : Path.GetFileNameWithoutExtension(_options.Docker.PluginSocket);

    private async Task<ContainerServices?> Containers(SqlDatabase database, TimeProvider clock, CancellationToken ct) =>
        _options.Docker.Plugin == Answer.No
            ? null
            : new ContainerServices(
                new DockerEngine(new Uri($"unix://{_options.Docker.EngineSocket}"), clock),
                new ContainerSettings(
                    TimeSpan.FromSeconds(_options.Docker.StopSeconds), _options.Node.DataFolder, Driver, IsManaged),
                await VolumeDefinitions.Open(database, ct));
}
