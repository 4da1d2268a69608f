using Dotmesh.Actors.Database;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Users;

/// <summary><see cref="IUsers"/> on the table <c>users</c>, cached whole.</summary>
public sealed partial class SqlUsers : IUsers, IDisposable
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

    public void Dispose() => _checker.Dispose();

    private KnownUser? Known(string reference)
    {
        if (UserDecisions.LooksLikeEmail(reference))
        {
            // an e-mail that several users have says nothing about who is calling
            return _cache.ByEmail(reference) is [var only] ? only : null;
        }

        return _cache.ByName(reference) ?? _cache.ById(reference);
    }

    private void Remember(UserRow row)
    {
        var key = _secrets.Unseal(row.ApiKey, row.User.Id);
        _cache.Set(new KnownUser(row, key is null ? null : _checker.Tag(row.User.Id, key)));
    }
}
