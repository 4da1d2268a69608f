using System.Collections;
using System.Globalization;

namespace Dotmesh.Actors.Storage;

/// <summary>
/// Metadata of a commit: a string map sorted by key (contract 3.2). Keys start with a lower-case letter, checked where it
/// comes in (<see cref="CheckKey"/>); values are any text, empty allowed.
/// </summary>
public sealed class CommitMetadata : IReadOnlyCollection<KeyValuePair<string, string>>, IEquatable<CommitMetadata>
{
    public static readonly CommitMetadata Empty = new([]);

    private readonly SortedDictionary<string, string> _values;

    public CommitMetadata(IEnumerable<KeyValuePair<string, string>> values)
    {
        _values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in values)
        {
            _values[key] = value;
        }
    }

    public int Count => _values.Count;

    public string? this[string key] => _values.GetValueOrDefault(key);

    /// <summary>The contract's text for a key that is not allowed; null when it is.</summary>
    public static string? CheckKey(string key) => key.Length > 0 && char.IsAsciiLetterLower(key[0])
        ? null
        : $"Metadata field names must start with lowercase characters: {key}";

    /// <summary>The same with <c>timestamp</c>, decimal nanoseconds since the epoch, set by the server (contract 2.4).</summary>
    public CommitMetadata Stamped(DateTimeOffset at) =>
        With("timestamp", ((at - DateTimeOffset.UnixEpoch).Ticks * 100).ToString(CultureInfo.InvariantCulture));

    public CommitMetadata With(string key, string value) => new(_values.Append(KeyValuePair.Create(key, value)));

    public bool Equals(CommitMetadata? other) => other is not null && _values.SequenceEqual(other._values);

    public override bool Equals(object? obj) => Equals(obj as CommitMetadata);

    public override int GetHashCode() =>
        _values.Aggregate(0, (hash, pair) => HashCode.Combine(hash, pair.Key, pair.Value));

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
