using Dotmesh.Actors.Containers;
using Dotmesh.Actors.Database;
using Dotmesh.Node.Options;
using Dotmesh.Rpc.Docker;

namespace Dotmesh.Node.Hosting;

/// <summary>The container engine of this host.</summary>
public sealed partial class NodeHost
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile IVolumes? _volumes;

    private async Task ListenForEngine(ILoggerFactory logs, CancellationToken ct)
    {
        if (_options.Docker.Plugin == Answer.Yes)
        {
            var begun = Task.WhenAny(_begun.Task, Task.Delay(TimeSpan.FromSeconds(_options.Docker.StartWaitSeconds), TimeProvider.System, ct));
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
