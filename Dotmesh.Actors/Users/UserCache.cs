using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Dotmesh.Actors.Users;

/// <summary>All users in memory: read by anyone without locks, written by the database writer alone.</summary>
internal sealed class UserCache
{
    private readonly ConcurrentDictionary<string, KnownUser> _users = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ImmutableArray<string>> _emails = new(StringComparer.Ordinal);

    public IEnumerable<KnownUser> All => _users.Values;

    public KnownUser? ById(string id) => _users.GetValueOrDefault(id);

    public KnownUser? ByName(string name) => _names.TryGetValue(name, out var id) ? ById(id) : null;

    /// <summary>Several users may have one e-mail (contract 2.2, SetUserEmail).</summary>
    public IReadOnlyList<KnownUser> ByEmail(string email) =>
        email.Length > 0 && _emails.TryGetValue(email, out var ids) ? [.. ids.Select(ById).OfType<KnownUser>()] : [];

    public void Set(KnownUser known)
    {
        var user = known.Row.User;
        if (_users.TryGetValue(user.Id, out var before) && before.Row.User.Email != user.Email)
        {
            Change(before.Row.User.Email, ids => ids.Remove(user.Id));
        }

        _users[user.Id] = known;
        _names[user.Name] = user.Id;
        Change(user.Email, ids => ids.Contains(user.Id) ? ids : ids.Add(user.Id));
    }

    private void Change(string email, Func<ImmutableArray<string>, ImmutableArray<string>> change)
    {
        var ids = change(_emails.GetValueOrDefault(email, []));
        if (ids.IsEmpty)
        {
            _emails.TryRemove(email, out _);
        }
        else
        {
            _emails[email] = ids;
        }
    }
}

/// <param name="ApiKeyTag">The API key under this process's key (<see cref="PasswordChecker.Tag"/>); null: cannot be read.</param>
internal sealed record KnownUser(UserRow Row, byte[]? ApiKeyTag)
{
    public override string ToString() => Row.ToString();
}
