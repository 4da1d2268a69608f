using System.Collections.Concurrent;

namespace Dotmesh.WebConsole.Session;

/// <summary>Sessions that were signed out of while their cookie would still be good: other tabs end with them, and a copy of the
/// cookie is worth nothing, as long as this node runs.</summary>
public sealed class SignedOut(TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, long> _sessions = new(StringComparer.Ordinal);

    /// <param name="keptFor">As long as a cookie of that session may be taken.</param>
    public void Add(string session, TimeSpan keptFor)
    {
        _sessions[session] = clock.GetTimestamp();
        foreach (var old in _sessions.Where(entry => clock.GetElapsedTime(entry.Value) > keptFor))
        {
            _sessions.TryRemove(old);
        }
    }

    public bool Has(string session) => _sessions.ContainsKey(session);
}
