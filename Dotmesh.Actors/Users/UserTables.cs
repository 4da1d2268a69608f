using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using Dotmesh.Actors.Database;

namespace Dotmesh.Actors.Users;

/// <summary>A row of the table <c>users</c>.</summary>
/// <param name="Password"><see cref="PasswordHash.Format"/>; null: nobody can log in with a password.</param>
/// <param name="ApiKey">Sealed by <see cref="SecretBox"/> for this user's id.</param>
internal sealed record UserRow(User User, string? Password, string ApiKey, DateTimeOffset CreatedAt)
{
    // not the generated one, which would print hash and key into a log
    public override string ToString() => $"user {User.Name}";
}

internal static class UserTables
{
    public const string Name = "users";

    private const string Columns = "id, name, email, metadata, password, api_key, created_at";

    public static List<UserRow> LoadAll(SqlSession session) => session.Query($"SELECT {Columns} FROM users", Read);

    public static UserRow? Load(SqlSession session, string id) =>
        session.Query($"SELECT {Columns} FROM users WHERE id = @id", Read, ("@id", id)).FirstOrDefault();

    public static bool HasName(SqlSession session, string name) =>
        session.Query("SELECT id FROM users WHERE name = @name OR id = @name", row => true, ("@name", name)).Count > 0;

    public static bool HasEmail(SqlSession session, string email) =>
        session.Query("SELECT id FROM users WHERE email = @email", row => true, ("@email", email)).Count > 0;

    /// <summary>False when the name or the id is taken.</summary>
    public static bool Insert(SqlSession session, UserRow row)
    {
        session.Wrote(Name, row.User.Id);
        return session.Execute(
            $"""
            INSERT INTO users ({Columns}) VALUES (@id, @name, @email, @metadata, @password, @api_key, @created_at)
            ON CONFLICT DO NOTHING
            """,
            Parameters(row)) == 1;
    }

    public static void Update(SqlSession session, UserRow row)
    {
        session.Wrote(Name, row.User.Id);
        session.Execute(
            """
            UPDATE users SET name = @name, email = @email, metadata = @metadata, password = @password, api_key = @api_key,
                created_at = @created_at
            WHERE id = @id
            """,
            Parameters(row));
    }

    private static (string Name, object? Value)[] Parameters(UserRow row) =>
    [
        ("@id", row.User.Id),
        ("@name", row.User.Name),
        ("@email", row.User.Email),
        ("@metadata", row.User.Metadata is { } metadata ? JsonSerializer.Serialize(metadata) : null),
        ("@password", row.Password),
        ("@api_key", row.ApiKey),
        ("@created_at", row.CreatedAt.ToString("O")),
    ];

    private static UserRow Read(DbDataReader row) => new(
        new User(
            row.GetString(0),
            row.GetString(1),
            row.GetString(2),
            row.IsDBNull(3)
                ? null
                : JsonSerializer.Deserialize<Dictionary<string, string>>(row.GetString(3))!
                    .ToImmutableSortedDictionary(StringComparer.Ordinal)),
        row.IsDBNull(4) ? null : row.GetString(4),
        row.GetString(5),
        DateTimeOffset.Parse(row.GetString(6), System.Globalization.CultureInfo.InvariantCulture));
}
