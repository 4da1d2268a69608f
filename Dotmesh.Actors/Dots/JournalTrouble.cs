using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// Says that journals cannot be read: once in a while with the reason, because while the database is away every call to every
/// dot that sleeps finds out the same.
/// </summary>
internal sealed class JournalTrouble(TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long? _said;
    private int _unsaid;

    public void Unreadable(FilesystemId dot, Exception reason)
    {
        int earlier;
        lock (_gate)
        {
            if (_said is { } said && time.GetElapsedTime(said) < Quiet)
            {
                _unsaid++;
                return;
            }

            earlier = _unsaid;
            _said = time.GetTimestamp();
            _unsaid = 0;
        }

        log.LogError(
            "The journal of dot {Dot} cannot be read: {Reason}. Calls to it are refused until it can ({Earlier} more such since the last line)",
            dot, string.Join(": ", Reasons(reason).Distinct(StringComparer.Ordinal)), earlier);
    }

    private static IEnumerable<string> Reasons(Exception? reason)
    {
        for (; reason is not null; reason = reason.InnerException)
        {
            yield return reason.Message;
        }
    }
}
