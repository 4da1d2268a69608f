using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Users;

namespace Dotmesh.Specs.Support;

/// <summary>Admin, alice and bob; what these specs do not ask is not there.</summary>
internal sealed class MemoryUsers : IUsers
{
    public static readonly User Admin = new(User.AdminId, User.AdminName, "", null);
    public static readonly User Alice = Person("a11ce000-0000-4000-8000-000000000001", "alice");
    public static readonly User Bob = Person("b0b00000-0000-4000-8000-000000000002", "bob");

    public IReadOnlyList<User> All { get; init; } = [Admin, Alice, Bob];

    public static Caller As(User user) => new(user, AuthenticationType.ApiKey);

    public string? PasswordMark(string userId) => throw NotHere();

    public User? FindById(string id) => All.FirstOrDefault(user => user.Id == id);

    public User? FindByName(string name) => All.FirstOrDefault(user => user.Name == name);

    public ValueTask<Caller?> Authenticate(string nameOrEmailOrId, string secret, CancellationToken ct) => throw NotHere();

    public Caller? Recognise(string nameOrEmailOrId, string secret) => throw NotHere();

    public Outcome<User> FindByReference(string reference) => throw NotHere();

    public Outcome<User> FindByEmail(string email) => throw NotHere();

    public Outcome<User> FindByCustomerId(string customerId) => throw NotHere();

    public Task<Outcome<User>> Register(string name, string email, string password, CancellationToken ct) => throw NotHere();

    public Task<Outcome<string>> GetApiKey(string userId, CancellationToken ct) => throw NotHere();

    public Task<Outcome<string>> ResetApiKey(string userId, CancellationToken ct) => throw NotHere();

    public Task<Outcome<User>> SetPassword(string reference, string newPassword, CancellationToken ct) => throw NotHere();

    public Task<Outcome<User>> SetMetadataField(string reference, string field, string? value, CancellationToken ct) =>
        throw NotHere();

    public Task<Outcome<User>> SetEmail(string reference, string email, CancellationToken ct) => throw NotHere();

    public IReadOnlyList<ImportedUser> Export() => throw NotHere();

    public Task<Outcome<User>> Restore(ImportedUser backup, CancellationToken ct) => throw NotHere();

    public Task<bool> EnsureAdmin(string? password, string? apiKey, CancellationToken ct) => throw NotHere();

    private static User Person(string id, string name) =>
        new(id, name, $"{name}@example.com", ImmutableSortedDictionary<string, string>.Empty);

    private static NotSupportedException NotHere() => new("these specs log nobody in");
}
