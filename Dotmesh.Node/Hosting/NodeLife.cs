using Dotmesh.Actors.Clustering;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Node.Hosting;

/// <summary>
/// One process, one node after the other: a node that lost its place in the cluster begins anew, so that what it holds is compared
/// with what the others have made of it and nobody has to restart it.
/// </summary>
internal static class NodeLife
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Ends when the node was asked to stop. What keeps the first one from starting is thrown; what keeps a later one from it will
    /// pass, because these options have worked: a database, the pool or the other nodes are away.
    /// </summary>
    /// <param name="once">A node's life: why it lost its place, or null when it was asked to stop.</param>
    public static async Task Run(Func<Task<string?>> once, Func<string, Task> say, TimeProvider clock, CancellationToken stop)
    {
        var said = "";
        for (var lost = await once(); lost is not null; lost = await Again(once, clock, stop))
        {
            if (lost != said)
            {
                await say($"The node begins anew: {lost}");
            }

            said = lost;
        }
    }

    private static async Task<string?> Again(Func<Task<string?>> once, TimeProvider clock, CancellationToken stop)
    {
        try
        {
            return await once();
        }
        catch (Exception passing) when (passing is DatabaseException or NodeRefusedException { Passes: true }
            or StorageException { Failure: StorageFailure.PoolMissing or StorageFailure.PoolSuspended })
        {
            await Task.Delay(Pause, clock, stop);
            return passing.Message;
        }
    }
}
