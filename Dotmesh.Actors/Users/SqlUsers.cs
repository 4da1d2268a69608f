using System.Collections.Immutable;
using System.Security.Cryptography;
using Dotmesh.Actors.Database;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Users;

/// <summary>A user of another cluster, as its backup or user manager tells (contract 3.7).</summary>
/// <param name="ApiKey">Any string.</param>
public sealed record ImportedUser(User User, PasswordHash? Password, string ApiKey)
{
    public override string ToString() => $"imported user {User.Name}";
}

/// <summary><see cref="IUsers"/> on the table <c>users</c>, cached whole.</summary>
public sealed class SqlUsers : IUsers, IDisposable
{
    private readonly SqlDatabase _database;
    private readonly SecretBox _secrets;
    private readonly TimeProvider _clock;
    private readonly IIdSource _ids;
    private readonly ILogger _log;
    private readonly UserCache _cache = new();
    private readonly PasswordChecker _checker = new();

    private SqlUsers(SqlDatabase database, SecretBox secrets, TimeProvider clock, IIdSource ids, ILogger log)
    {
        _database = database;
        _secrets = secrets;
        _clock = clock;
        _ids = ids;
        _log = log;
    }

    public IReadOnlyList<User> All => [.. _cache.All.Select(known => known.Row.User)];

    internal PasswordChecker Checker => _checker;

    public static async Task<SqlUsers> Open(
        SqlDatabase database, SecretBox secrets, TimeProvider clock, IIdSource ids, ILoggerFactory logs, CancellationToken ct)
    {
        var users = new SqlUsers(database, secrets, clock, ids, logs.CreateLogger<SqlUsers>());
        database.Changes.Watch(
            UserTables.Name,
            (session, id) => UserTables.Load(session, id) is { } row ? () => users.Remember(row) : () => { },
            session => Remembering(UserTables.LoadAll(session)));
        var rows = await database.Run(UserTables.LoadAll, rows => rows.ForEach(users.Remember), ct);
        Action Remembering(List<UserRow> all) => () => all.ForEach(users.Remember);
        foreach (var unreadable in users._cache.All.Where(known => known.ApiKeyTag is null))
        {
            users._log.LogError(
                "The API key of user {User} cannot be read with this cluster secret (option Cluster:SecretFile): restore the "
                + "secret file, or log in with the password and call ResetApiKey",
                unreadable.Row.User.Name);
        }

        users._log.LogInformation("{Users} users read", rows.Count);
        return users;
    }

    public async ValueTask<Caller?> Authenticate(string nameOrEmailOrId, string secret, CancellationToken ct)
    {
        if (secret.Length == 0)
        {
            return null;
        }

        var known = Known(nameOrEmailOrId);
        var tag = _checker.Tag(known?.Row.User.Id ?? nameOrEmailOrId, secret);
        if (known?.ApiKeyTag is { } apiKey && CryptographicOperations.FixedTimeEquals(apiKey, tag))
        {
            return new Caller(known.Row.User, AuthenticationType.ApiKey);
        }

        if (!await _checker.Matches(known?.Row.Password, tag, secret, ct) || known is null)
        {
            return null;
        }

        if (PasswordHash.Parse(known.Row.Password!).IsDated)
        {
            await Rehash(known.Row, secret, ct);
        }

        return new Caller(known.Row.User, AuthenticationType.Password);
    }

    public User? FindById(string id) => _cache.ById(id)?.Row.User;

    public User? FindByName(string name) => _cache.ByName(name)?.Row.User;

    public Outcome<User> FindByReference(string reference)
    {
        if (UserDecisions.LooksLikeEmail(reference))
        {
            return FindByEmail(reference);
        }

        return Known(reference) is { } known ? known.Row.User : UserDecisions.NotFoundByName(reference);
    }

    public Outcome<User> FindByEmail(string email)
    {
        var found = _cache.ByEmail(email);
        return found.Count switch
        {
            0 => UserDecisions.NotFoundByEmail(email),
            1 => found[0].Row.User,
            _ => UserDecisions.Ambiguous("email", email),
        };
    }

    public Outcome<User> FindByCustomerId(string customerId)
    {
        const string field = "CustomerId";
        var found = _cache.All
            .Where(known => known.Row.User.Metadata?.GetValueOrDefault(field) == customerId)
            .Take(2)
            .ToArray();
        return found.Length switch
        {
            0 => UserDecisions.NotFound,
            1 => found[0].Row.User,
            _ => UserDecisions.Ambiguous(field, customerId),
        };
    }

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

    /// <summary>Keeps id, hash and key; the same rules for name and e-mail as at registration.</summary>
    public async Task<Outcome<User>> Import(ImportedUser imported, CancellationToken ct)
    {
        var user = imported.User;
        var refusal = UserDecisions.CheckForm(user.Name, user.Email, "imported")
            ?? UserDecisions.CheckFree(user.Name, NameTaken(user.Name), _cache.ByEmail(user.Email).Count > 0);
        return refusal is not null ? refusal : await Insert(NewRow(user, imported.Password, imported.ApiKey), ct);
    }

    public Task<Outcome<string>> GetApiKey(string userId, CancellationToken ct)
    {
        Outcome<string> answer = UserDecisions.NotFound;
        if (_cache.ById(userId) is { } known)
        {
            answer = _secrets.Unseal(known.Row.ApiKey, userId) is { } key
                ? key
                : new Refusal(
                    RefusalCode.Unavailable,
                    $"The API key of user {known.Row.User.Name} cannot be read with this cluster secret: reset it (ResetApiKey, "
                    + "with the password).");
        }

        return Task.FromResult(answer);
    }

    public async Task<Outcome<string>> ResetApiKey(string userId, CancellationToken ct)
    {
        var key = Credentials.NewApiKey();
        var changed = await Change(userId, row => row with { ApiKey = _secrets.Seal(key, userId) }, ct);
        return changed.Then<string>(_ => key);
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

    public async Task<bool> EnsureAdmin(string? password, string? apiKey, CancellationToken ct)
    {
        var trimmed = password?.Trim();
        var known = _cache.ById(User.AdminId);
        if (known is null)
        {
            var hash = string.IsNullOrEmpty(trimmed) ? null : await _checker.Make(trimmed, ct);
            var row = NewRow(new User(User.AdminId, User.AdminName, "", null), hash, apiKey ?? Credentials.NewApiKey());
            if (!(await Insert(row, ct)).Refused(out _))
            {
                return true;
            }

            await _database.Refresh([new RowChange(UserTables.Name, User.AdminId)], ct);
            return false;
        }

        // unchanged secrets are not written again: known logins stay known
        if (!string.IsNullOrEmpty(trimmed)
            && !await _checker.Matches(known.Row.Password, _checker.Tag(User.AdminId, trimmed), trimmed, ct))
        {
            var hash = await _checker.Make(trimmed, ct);
            await Change(User.AdminId, row => row with { Password = hash.Format() }, ct);
        }

        if (apiKey is not null && _secrets.Unseal(known.Row.ApiKey, User.AdminId) != apiKey)
        {
            await Change(User.AdminId, row => row with { ApiKey = _secrets.Seal(apiKey, User.AdminId) }, ct);
        }

        return true;
    }

    public void Dispose() => _checker.Dispose();

    private static ImmutableSortedDictionary<string, string>? WithField(
        ImmutableSortedDictionary<string, string>? metadata, string field, string? value)
    {
        if (value is null)
        {
            return metadata?.Remove(field);
        }

        return (metadata ?? ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal)).SetItem(field, value);
    }

    private KnownUser? Known(string reference)
    {
        if (UserDecisions.LooksLikeEmail(reference))
        {
            // an e-mail that several users have says nothing about who is calling
            return _cache.ByEmail(reference) is [var only] ? only : null;
        }

        return _cache.ByName(reference) ?? _cache.ById(reference);
    }

    private bool NameTaken(string name) =>
        name == User.AdminName || _cache.ByName(name) is not null || _cache.ById(name) is not null;

    private UserRow NewRow(User user, PasswordHash? password, string apiKey) =>
        new(user, password?.Format(), _secrets.Seal(apiKey, user.Id), _clock.GetUtcNow());

    private void Remember(UserRow row)
    {
        var key = _secrets.Unseal(row.ApiKey, row.User.Id);
        _cache.Set(new KnownUser(row, key is null ? null : _checker.Tag(row.User.Id, key)));
    }

    private Task<Outcome<User>> Insert(UserRow row, CancellationToken ct) => _database.Run(
        session =>
        {
            var user = row.User;
            var refusal = UserDecisions.CheckFree(
                user.Name,
                UserTables.HasName(session, user.Name),
                user.Email.Length > 0 && UserTables.HasEmail(session, user.Email));
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

    private async Task Rehash(UserRow verified, string password, CancellationToken ct)
    {
        var hash = await _checker.Make(password, ct);
        try
        {
            // not when the password was changed meanwhile
            await Change(
                verified.User.Id, row => row.Password == verified.Password ? row with { Password = hash.Format() } : row, ct);
        }
        catch (DatabaseException failure)
        {
            // the login was right whether or not its hash can be renewed today
            _log.LogWarning(failure, "The password hash of user {User} was not renewed", verified.User.Name);
        }
    }
}
