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
        new(3, "cluster",
        [
            """
            CREATE TABLE nodes (
                id TEXT NOT NULL PRIMARY KEY,
                address TEXT NOT NULL,
                url TEXT NOT NULL,
                addresses TEXT NOT NULL,
                incarnation TEXT NOT NULL,
                state TEXT NOT NULL,
                lease_until BIGINT NOT NULL,
                renewals BIGINT NOT NULL)
            """,
            "CREATE TABLE cluster_facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
            "INSERT INTO cluster_facts (name, value) VALUES ('entry', '')",
            "CREATE TABLE refused_nodes (at BIGINT NOT NULL, node TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL)",
            // a node that was away must not bring a deleted dot back to life
            "CREATE TABLE deleted_dots (id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)",
        ]),
        new(4, "replication",
        [
            // how many nodes hold the dot; 0: as many as the cluster's option says
            "ALTER TABLE dots ADD COLUMN copies INTEGER NOT NULL DEFAULT 0",
            // how often commits were taken away from the dot: tells a newer copy from a longer one
            "ALTER TABLE dots ADD COLUMN generation BIGINT NOT NULL DEFAULT 0",
        ]),
        new(5, "one cluster",
        [
            // who came later gives way when there are two clusters on one database
            "ALTER TABLE nodes ADD COLUMN entered BIGINT NOT NULL DEFAULT 0",
        ]),
        new(6, "transfers",
        [
            // node: who runs it; empty for a push that another cluster announced
            """
            CREATE TABLE transfers (
                id TEXT NOT NULL PRIMARY KEY,
                dot_id TEXT NOT NULL,
                filesystem TEXT NOT NULL,
                node TEXT NOT NULL,
                running INTEGER NOT NULL,
                asked_by TEXT NOT NULL,
                asked_at BIGINT NOT NULL,
                request TEXT NOT NULL,
                secret TEXT NOT NULL,
                record TEXT NOT NULL)
            """,
            "CREATE INDEX transfers_running ON transfers (running, asked_at)",
            "CREATE INDEX transfers_by_filesystem ON transfers (filesystem)",
            "CREATE INDEX transfers_by_time ON transfers (asked_at)",
            // a dot that comes back from another cluster after it was deleted begins after this epoch
            "ALTER TABLE deleted_dots ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0",
            // filesystems that another cluster said it will push, and that are not here yet
            """
            CREATE TABLE registrations (
                filesystem TEXT NOT NULL PRIMARY KEY,
                dot_id TEXT NOT NULL,
                namespace TEXT NOT NULL,
                name TEXT NOT NULL,
                branch TEXT NOT NULL,
                origin_filesystem TEXT NOT NULL,
                origin_commit TEXT NOT NULL,
                user_id TEXT NOT NULL,
                at BIGINT NOT NULL)
            """,
        ]),
        new(7, "volumes",
        [
            // what a container engine was told with options; target: [NAMESPACE/]DOT[@BRANCH][.SUBDOT]
            "CREATE TABLE volumes (name TEXT NOT NULL PRIMARY KEY, target TEXT NOT NULL, commit_id TEXT NOT NULL)",
        ]),
    ];
}
