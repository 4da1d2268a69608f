using System.Collections.Concurrent;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// Commits that came to this node's door, a stream that is read once. A command cannot carry it, so the command carries a ticket. The
/// operation may take far longer than a command's deadline: what came of it is told here.
/// </summary>
internal sealed class Arrivals
{
    private readonly ConcurrentDictionary<string, Arrival> _waiting = new(StringComparer.Ordinal);

    public void Add(Arrival arrival) => _waiting[arrival.Ticket] = arrival;

    /// <summary>Once: null when it was taken, or withdrawn, or is on another node.</summary>
    public Arrival? Take(string ticket) => _waiting.TryRemove(ticket, out var arrival) ? arrival : null;
}

/// <param name="Apply">Puts the stream into the pool: all of its commits or none. Made by whoever knows the stream's format.</param>
/// <param name="Ct">Ends with who sends it.</param>
internal sealed record Arrival(
    string Ticket, Func<IStorage, FilesystemLabels, CancellationToken, Task> Apply, CancellationToken Ct)
{
    /// <summary>What came of it, once it was taken.</summary>
    public TaskCompletionSource<Outcome<Done>> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
