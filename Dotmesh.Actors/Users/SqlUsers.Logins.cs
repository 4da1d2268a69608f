using System.Security.Cryptography;
using System.Text;
using Dotmesh.Actors.Database;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Users;

/// <summary>Who somebody is, by password or API key, and the secrets of admin.</summary>
public sealed partial class SqlUsers
{
    public Caller? Recognise(string nameOrEmailOrId, string secret)
    {
        if (secret.Length == 0 || Known(nameOrEmailOrId) is not { } known)
        {
            return null;
        }

        var tag = _checker.Tag(known.Row.User.Id, secret);
        if (known.ApiKeyTag is { } apiKey && CryptographicOperations.FixedTimeEquals(apiKey, tag))
        {
            return new Caller(known.Row.User, AuthenticationType.ApiKey);
        }

        return _checker.IsKnownRight(known.Row.Password, tag) && !PasswordHash.Parse(known.Row.Password!).IsDated
            ? new Caller(known.Row.User, AuthenticationType.Password)
            : null;
    }

    public async ValueTask<Caller?> Authenticate(string nameOrEmailOrId, string secret, CancellationToken ct)
    {
        if (secret.Length == 0)
        {
            return null;
        }

        if (Recognise(nameOrEmailOrId, secret) is { } recognised)
        {
            return recognised;
        }

        var known = Known(nameOrEmailOrId);
        var tag = _checker.Tag(known?.Row.User.Id ?? nameOrEmailOrId, secret);
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

    public string? PasswordMark(string userId) => _cache.ById(userId) is { } known
        ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"mark of {userId}: {known.Row.Password}")))
        : null;

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
