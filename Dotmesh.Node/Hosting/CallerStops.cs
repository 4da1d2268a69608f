namespace Dotmesh.Node.Hosting;

/// <summary>The program's own signals stop the node (<see cref="StopSignals"/>), not those of the web host.</summary>
internal sealed class CallerStops : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
