using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Dotmesh.Actors.Users;

namespace Dotmesh.Rpc.Wire;

/// <summary>Users and names of a cluster, without any data of dots (contract 3.9). Holds hashes and keys.</summary>
/// <param name="Created">RFC 3339.</param>
/// <param name="Users">Null, as the other lists, where an original has none.</param>
/// <param name="Masters">Which node controls which filesystem; of no use to another cluster.</param>
public sealed record BackupV1(
    [property: JsonPropertyName("version")] string Version,
    [property: JsonPropertyName("created")] string Created,
    [property: JsonPropertyName("users")] ImmutableArray<BackupUser>? Users,
    [property: JsonPropertyName("filesystem_masters")] ImmutableArray<BackupMaster>? Masters,
    [property: JsonPropertyName("registry_filesystems")] ImmutableArray<BackupDot>? Dots,
    [property: JsonPropertyName("registry_clones")] ImmutableArray<BackupBranch>? Branches)
{
    public const string Known = "v1";

    // not the generated one, which would print secrets into a log
    public override string ToString() => $"backup of {Created}";
}

/// <param name="Salt">Base64, as is <paramref name="Password"/>: the hash. Both empty: nobody can log in with a password.</param>
/// <param name="PasswordScheme">Beyond the contract; absent: scrypt, which is all that original servers know.</param>
/// <param name="PasswordCost">Likewise; of the scheme.</param>
public sealed record BackupUser(
    string Id,
    string Name,
    string Email,
    string Salt,
    string Password,
    string ApiKey,
    ImmutableSortedDictionary<string, string>? Metadata,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? PasswordScheme,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] int PasswordCost)
{
    private const string NoPassword = "None";
    private const int HashBytes = 32;

    // a hash that costs nothing protects nobody, one that costs minutes stops the node
    private const int LeastCost = 1000, MostCost = 10_000_000;

    public override string ToString() => $"backup of user {Name}";

    public static BackupUser From(ImportedUser known)
    {
        var (user, hash) = (known.User, known.Password);
        return new BackupUser(
            user.Id, user.Name, user.Email,
            Convert.ToBase64String(hash?.Salt ?? []), Convert.ToBase64String(hash?.Hash ?? []), known.ApiKey, user.Metadata,
            hash is null ? NoPassword : hash.Scheme == Actors.Users.PasswordScheme.Scrypt ? null : hash.Scheme.ToString(),
            hash is null or { Scheme: Actors.Users.PasswordScheme.Scrypt } ? 0 : hash.Cost);
    }

    /// <summary>Throws <see cref="FormatException"/> with what is wrong.</summary>
    public ImportedUser Read()
    {
        if (this is { Id: null or "" } or { Name: null or "" } || (PasswordScheme != NoPassword && this is { Salt: null or "" } or { Password: null or "" }))
        {
            throw new FormatException("id, name, password and salt are required");
        }

        return new ImportedUser(new User(Id, Name, Email ?? "", Metadata), Hash(), ApiKey ?? "");
    }

    private PasswordHash? Hash()
    {
        if (PasswordScheme == NoPassword)
        {
            return null;
        }

        var (salt, hash) = (Convert.FromBase64String(Salt), Convert.FromBase64String(Password));
        if (salt.Length == 0 || hash.Length != HashBytes)
        {
            throw new FormatException($"the password needs a salt, and a hash of {HashBytes} bytes");
        }

        return PasswordScheme switch
        {
            null => PasswordHash.FromScrypt(salt, hash),
            nameof(Actors.Users.PasswordScheme.Pbkdf2Sha512) when PasswordCost is >= LeastCost and <= MostCost =>
                new PasswordHash(Actors.Users.PasswordScheme.Pbkdf2Sha512, PasswordCost, salt, hash),
            _ => throw new FormatException($"the password is hashed in a way that is not known here ({PasswordScheme}, {PasswordCost})"),
        };
    }
}

public sealed record BackupMaster(
    [property: JsonPropertyName("filesystem_id")] string FilesystemId, [property: JsonPropertyName("node_id")] string NodeId);

/// <param name="OwnerId">The owner's name, which is the namespace; not the id.</param>
/// <param name="CollaboratorIds">User ids; null for none.</param>
public sealed record BackupDot(string Id, string OwnerId, string Name, ImmutableArray<string>? CollaboratorIds);

public sealed record BackupBranch(string TopLevelFilesystemId, string FilesystemId, string Name, BackupOrigin? Origin);

public sealed record BackupOrigin(string FilesystemId, string SnapshotId);
