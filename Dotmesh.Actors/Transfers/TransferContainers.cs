using Dotmesh.Actors.Containers;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// The containers of this host that use what a pull writes into: stopped before its first data and started again at its end, where the request
/// says so. One that comes back in between (the node began anew, or somebody started it) is stopped again by the next try.
/// </summary>
internal sealed class TransferContainers(TransferParts parts, TransferRequest request)
{
    private readonly List<string> _keys = [];

    /// <summary>Whether they are stopped at all; else who uses what would be written to is in the way (contract 6.2).</summary>
    public bool AreStopped => request.StopsContainersHere;

    /// <summary>Null: nobody uses the filesystem now.</summary>
    public async Task<Refusal?> Stop(FilesystemId dot, FilesystemId filesystem)
    {
        var stopped = await parts.Env.Containers.Stop(dot, new Affected(filesystem, null), parts.Env.Stopping);
        if (stopped.Key is { } key)
        {
            _keys.Add(key);
        }

        return stopped.Refusal;
    }

    /// <summary>May be called again. A text for those that did not start: they are tried again, with pauses.</summary>
    public async Task<string?> StartAgain()
    {
        var failures = new List<string>();
        foreach (var key in _keys)
        {
            if (await parts.Env.Containers.StartAgain(key, parts.Env.Stopping) is { } failure)
            {
                failures.Add(failure);
            }
        }

        _keys.Clear();
        return failures.Count == 0 ? null : string.Join("; ", failures);
    }
}
