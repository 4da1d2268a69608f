using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>The same thing done to many dots, one after the other; what fails is told and stops nothing.</summary>
public sealed class BulkRun(IReadOnlyList<DotName> dots, string verb)
{
    private readonly List<(DotName Dot, string Why)> _failed = [];

    /// <summary><c>delete</c>.</summary>
    public string Verb => verb;

    public int Total => dots.Count;

    /// <summary>Tried, whatever came of it.</summary>
    public int Done { get; private set; }

    public IReadOnlyList<(DotName Dot, string Why)> Failed => _failed;

    public bool IsOver => Done == Total;

    /// <param name="shown">After each dot.</param>
    /// <param name="ct">No further dot is begun; what was begun is done.</param>
    public async Task Run(Func<DotName, CancellationToken, Task> one, Func<Task> shown, CancellationToken ct)
    {
        foreach (var dot in dots)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                await one(dot, CancellationToken.None);
            }
            catch (DotmeshException failure)
            {
                _failed.Add((dot, failure.Message));
            }

            Done++;
            await shown();
        }
    }
}
