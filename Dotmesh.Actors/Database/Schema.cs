namespace Dotmesh.Actors.Database;

/// <summary>The tables beside the journal, version by version.</summary>
internal static class Schema
{
    public static IReadOnlyList<SchemaStep> Steps { get; } =
    [
        new(1, "directory",
        [
            """
            CREATE TABLE dots (
                id TEXT NOT NULL PRIMARY KEY,
                namespace TEXT NOT NULL,
                name TEXT NOT NULL,
                owner_id TEXT NOT NULL,
                owner_name TEXT NOT NULL,
                node TEXT NOT NULL,
                epoch BIGINT NOT NULL,
                status TEXT NOT NULL)
            """,
            "CREATE UNIQUE INDEX dots_by_name ON dots (namespace, name)",
            """
            CREATE TABLE branches (
                id TEXT NOT NULL PRIMARY KEY,
                dot_id TEXT NOT NULL,
                name TEXT NOT NULL,
                origin_filesystem TEXT NOT NULL,
                origin_commit TEXT NOT NULL)
            """,
            "CREATE UNIQUE INDEX branches_by_dot ON branches (dot_id, name)",
            """
            CREATE TABLE collaborators (
                dot_id TEXT NOT NULL,
                user_id TEXT NOT NULL,
                user_name TEXT NOT NULL,
                PRIMARY KEY (dot_id, user_id))
            """,
        ]),
        new(2, "users",
        [
            // e-mail is unique at registration only (contract 10.1): SetUserEmail does not check it
            """
            CREATE TABLE users (
                id TEXT NOT NULL PRIMARY KEY,
                name TEXT NOT NULL,
                email TEXT NOT NULL,
                metadata TEXT,
                password TEXT,
                api_key TEXT NOT NULL,
                created_at TEXT NOT NULL)
            """,
            "CREATE UNIQUE INDEX users_by_name ON users (name)",
        ]),
    ];
}
