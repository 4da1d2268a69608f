namespace Dotmesh.WebConsole.Session;

/// <summary>
/// What pages of the same user read within a moment is read once: a hundred open pages cost what one does. Nothing is kept longer than that.
/// </summary>
public sealed class SharedReads(TimeProvider clock)
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Reader, string What), (long At, Task Reading)> _reads = [];

    /// <summary>The answer of a reading that began less than a second ago, or that has not ended yet; else of a new one.</summary>
    /// <param name="reader">Who reads: what one may see another may not.</param>
    /// <param name="what">Names the question and everything that its answer depends on.</param>
    /// <param name="read">Must not end with any one page: others may wait for the same answer.</param>
    public Task<T> Get<T>(string reader, string what, Func<Task<T>> read)
    {
        lock (_lock)
        {
            var now = clock.GetTimestamp();
            foreach (var old in _reads.Where(entry => entry.Value.Reading.IsCompleted && clock.GetElapsedTime(entry.Value.At, now) > Moment).ToList())
            {
                _reads.Remove(old.Key);
            }

            if (_reads.TryGetValue((reader, what), out var found) && found.Reading is Task<T> { IsFaulted: false, IsCanceled: false } shared)
            {
                return shared;
            }

            // elsewhere: what is answered from memory would be made here, while others wait for the lock
            var reading = Task.Run(read);
            _reads[(reader, what)] = (now, reading);
            return reading;
        }
    }

    /// <summary>After a change: whoever made it is shown it, whatever was being read meanwhile.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _reads.Clear();
        }
    }
}
