using System.Collections.Immutable;

namespace Dotmesh.Actors.Users;

/// <summary>How a caller proved who they are (contract 1.4); some methods demand the password.</summary>
public enum AuthenticationType
{
    ApiKey,
    Password,
}

/// <summary>An authenticated caller.</summary>
public sealed record Caller(User User, AuthenticationType Authentication)
{
    public bool IsAdmin => User.Id == User.AdminId;
}

/// <summary>A user without secrets (contract 10.1).</summary>
/// <param name="Id">UUID; all zero for admin.</param>
/// <param name="Email">Exactly as stored; the hash of contract 3.7 is made from it.</param>
/// <param name="Metadata">Null for admin until a field is set (contract 3.7).</param>
public sealed record User(string Id, string Name, string Email, ImmutableSortedDictionary<string, string>? Metadata)
{
    public const string AdminId = "00000000-0000-0000-0000-000000000000";
    public const string AdminName = "admin";
}

/// <summary>The users of the cluster (contract 2.2, 10; design D15). Refusals carry the contract's texts.</summary>
public interface IUsers
{
    /// <summary>
    /// By name, e-mail or id and API key or password (contract 1.4); null when they do not match. Costs microseconds when
    /// the same secret was right a moment ago; never says which part was wrong.
    /// </summary>
    ValueTask<Caller?> Authenticate(string nameOrEmailOrId, string secret, CancellationToken ct);

    /// <summary>As <see cref="Authenticate"/> where that costs next to nothing: an API key, or a password that was right a moment ago. Null is no verdict.</summary>
    Caller? Recognise(string nameOrEmailOrId, string secret);

    /// <summary>Another text whenever the password is another one; null where there is no such user. Tells nothing of the password.</summary>
    string? PasswordMark(string userId);

    /// <summary>From memory.</summary>
    User? FindById(string id);

    /// <summary>From memory; an exact user name.</summary>
    User? FindByName(string name);

    /// <summary>By e-mail when it looks like one, else by name or id. Refusal: <c>User name=X not found</c>, ...</summary>
    Outcome<User> FindByReference(string reference);

    Outcome<User> FindByEmail(string email);

    /// <summary>Metadata field <c>CustomerId</c>; more than one match is a refusal.</summary>
    Outcome<User> FindByCustomerId(string customerId);

    /// <summary>Checks in the contract's order (2.2 RegisterNewUser).</summary>
    Task<Outcome<User>> Register(string name, string email, string password, CancellationToken ct);

    Task<Outcome<string>> GetApiKey(string userId, CancellationToken ct);

    /// <summary>A new key, effective at once on every node.</summary>
    Task<Outcome<string>> ResetApiKey(string userId, CancellationToken ct);

    /// <summary><paramref name="reference"/> is id, name or e-mail.</summary>
    Task<Outcome<User>> SetPassword(string reference, string newPassword, CancellationToken ct);

    /// <summary>Null value deletes the field.</summary>
    Task<Outcome<User>> SetMetadataField(string reference, string field, string? value, CancellationToken ct);

    Task<Outcome<User>> SetEmail(string reference, string email, CancellationToken ct);

    /// <summary>Every user with hash and key, for a backup; those whose key cannot be read have an empty one.</summary>
    IReadOnlyList<ImportedUser> Export();

    /// <summary>
    /// A user as a backup has it, id, hash, key and e-mail included: made, or, where the id is known, changed to it. Refused when another user
    /// has the name.
    /// </summary>
    Task<Outcome<User>> Restore(ImportedUser backup, CancellationToken ct);

    /// <summary>
    /// Makes or updates admin with given secrets (options <c>INITIAL_ADMIN_*</c>, contract 9.1); null keeps what is there.
    /// False: another node of the cluster made admin at the same moment, with its own secrets.
    /// </summary>
    Task<bool> EnsureAdmin(string? password, string? apiKey, CancellationToken ct);

    IReadOnlyList<User> All { get; }
}
