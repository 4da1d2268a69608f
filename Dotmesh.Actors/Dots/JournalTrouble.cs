using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// Says that journals cannot be read: once in a while with the reason, because while the database is away every call to every
/// dot that sleeps finds out the same.
/// </summary>
internal sealed class JournalTrouble(TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private long? _last;
    private long? _said;
    private int _unsaid;

    /// <summary>Whether one could not be read a moment ago: what else is not answered has the same reason.</summary>
    public bool IsFresh
    {
        get
        {
            lock (_gate)
            {
                return _last is { } last && time.GetElapsedTime(last) < Fresh;
            }
        }
    }

    public void Unreadable(FilesystemId dot, Exception reason)
    {
        int earlier;
        lock (_gate)
        {
            _last = time.GetTimestamp();
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
