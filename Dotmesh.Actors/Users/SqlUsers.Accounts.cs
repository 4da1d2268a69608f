using System.Collections.Immutable;

namespace Dotmesh.Actors.Users;

/// <summary>A user of another cluster, as its backup or user manager tells (contract 3.7).</summary>
/// <param name="ApiKey">Any string.</param>
public sealed record ImportedUser(User User, PasswordHash? Password, string ApiKey)
{
    public override string ToString() => $"imported user {User.Name}";
}

/// <summary>Making and changing users.</summary>
public sealed partial class SqlUsers
{
    public async Task<Outcome<User>> Register(string name, string email, string password, CancellationToken ct)
    {
        // all checks before the expensive hash; those against other users once more where the row is written
        var refusal = UserDecisions.CheckForm(name, email, password)
            ?? UserDecisions.CheckFree(name, NameTaken(name), _cache.ByEmail(email).Count > 0)
            ?? UserDecisions.CheckNewPassword(name, password);
        if (refusal is not null)
        {
            return refusal;
        }

        var hash = await _checker.Make(password, ct);
        var user = new User(
            _ids.NewId(), name, email, ImmutableSortedDictionary<string, string>.Empty.WithComparers(StringComparer.Ordinal));
        return await Insert(NewRow(user, hash, Credentials.NewApiKey()), ct);
    }

    public IReadOnlyList<ImportedUser> Export() =>
    [
        .. _cache.All.Select(known => known.Row).OrderBy(row => row.User.Name, StringComparer.Ordinal).Select(row => new ImportedUser(
            row.User, row.Password is { } hash ? PasswordHash.Parse(hash) : null, _secrets.Unseal(row.ApiKey, row.User.Id) ?? "")),
    ];

    public async Task<Outcome<User>> Restore(ImportedUser backup, CancellationToken ct)
    {
        var user = backup.User;
        if (_cache.ById(user.Id) is not { } known)
        {
            // of e-mails the backup is the judge: users may share one, or have none
            return UserDecisions.CheckForm(user.Name, "imported", "imported") ?? UserDecisions.CheckFree(user.Name, NameTaken(user.Name), false)
                ?? await Insert(NewRow(user, backup.Password, backup.ApiKey.Length == 0 ? Credentials.NewApiKey() : backup.ApiKey), ct, anyEmail: true);
        }

        if (user.Name != known.Row.User.Name)
        {
            return UserDecisions.CannotRename(known.Row.User.Name, user.Name);
        }

        // the key of a user whose own could not be read when the backup was made stays what it is here
        var key = _secrets.Unseal(known.Row.ApiKey, user.Id);
        var (password, newKey) = (backup.Password?.Format(), backup.ApiKey.Length == 0 ? key : backup.ApiKey);
        if (known.Row.Password == password && key == newKey && Same(known.Row.User, user))
        {
            return user;
        }

        return await Change(user.Id, row => row with
        {
            User = user,
            Password = password,
            ApiKey = newKey == key ? row.ApiKey : _secrets.Seal(newKey!, user.Id),
        }, ct);
    }

    public async Task<Outcome<User>> SetPassword(string reference, string newPassword, CancellationToken ct)
    {
        var found = FindByReference(reference);
        if (found.Refused(out var refusal))
        {
            return refusal;
        }

        if (UserDecisions.CheckPassword(newPassword) is { } fault)
        {
            return fault;
        }

        var hash = await _checker.Make(newPassword, ct);
        return await Change(found.Value.Id, row => row with { Password = hash.Format() }, ct);
    }

    public Task<Outcome<User>> SetMetadataField(string reference, string field, string? value, CancellationToken ct) => Change(
        reference,
        row => row with { User = row.User with { Metadata = WithField(row.User.Metadata, field, value) } },
        ct);

    public Task<Outcome<User>> SetEmail(string reference, string email, CancellationToken ct) =>
        Change(reference, row => row with { User = row.User with { Email = email } }, ct);

    private static ImmutableSortedDictionary<string, string>? WithField(
        ImmutableSortedDictionary<string, string>? metadata, string field, string? value)
    {
        if (value is null)
        {
            return metadata?.Remove(field);
        }

        return (metadata ?? ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal)).SetItem(field, value);
    }

    private bool NameTaken(string name) =>
        name == User.AdminName || _cache.ByName(name) is not null || _cache.ById(name) is not null;

    private UserRow NewRow(User user, PasswordHash? password, string apiKey) =>
        new(user, password?.Format(), _secrets.Seal(apiKey, user.Id), _clock.GetUtcNow());

    private static bool Same(User one, User other) =>
        one.Email == other.Email
        && (one.Metadata is null || other.Metadata is null ? one.Metadata == other.Metadata : one.Metadata.SequenceEqual(other.Metadata));

    private Task<Outcome<User>> Insert(UserRow row, CancellationToken ct, bool anyEmail = false) => _database.Run(
        session =>
        {
            var user = row.User;
            var refusal = UserDecisions.CheckFree(
                user.Name,
                UserTables.HasName(session, user.Name),
                !anyEmail && user.Email.Length > 0 && UserTables.HasEmail(session, user.Email));
            if (refusal is not null)
            {
                return refusal;
            }

            return UserTables.Insert(session, row)
                ? (Outcome<User>)user
                : UserDecisions.CheckFree(user.Name, nameTaken: true, emailTaken: false)!;
        },
        outcome =>
        {
            if (!outcome.Refused(out _))
            {
                Remember(row);
            }
        },
        ct);

    private async Task<Outcome<User>> Change(string reference, Func<UserRow, UserRow> change, CancellationToken ct)
    {
        var found = FindByReference(reference);
        if (found.Refused(out var refusal))
        {
            return refusal;
        }

        // read where it is written: another change may be on its way, on this node or on another
        var changed = await _database.Run(
            session =>
            {
                if (UserTables.Load(session, found.Value.Id) is not { } before)
                {
                    return null;
                }

                var after = change(before);
                UserTables.Update(session, after);
                return after;
            },
            after =>
            {
                if (after is not null)
                {
                    Remember(after);
                }
            },
            ct);
        return changed is null ? UserDecisions.NotFoundByName(reference) : changed.User;
    }
}
