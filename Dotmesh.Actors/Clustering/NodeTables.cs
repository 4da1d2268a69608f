using System.Collections.Immutable;
using System.Data.Common;
using Dotmesh.Actors.Database;

namespace Dotmesh.Actors.Clustering;

/// <summary>The tables <c>nodes</c>, <c>cluster_facts</c> and <c>refused_nodes</c>. All times are the database's.</summary>
internal sealed class NodeTables(string now)
{
    public List<NodeRecord> All(SqlSession session) => session.Query(
        $"SELECT id, address, url, addresses, incarnation, state, lease_until - {now}, renewals, entered FROM nodes", Read);

    /// <summary>False when another incarnation holds a lease that has not expired.</summary>
    public bool TryClaim(SqlSession session, NodeIdentity self, TimeSpan ttl) => session.Execute(
        $"""
        INSERT INTO nodes (id, address, url, addresses, incarnation, state, lease_until, renewals)
        VALUES (@id, '', '', '', @incarnation, 'starting', {now} + @ttl, 0)
        ON CONFLICT (id) DO UPDATE SET
            incarnation = excluded.incarnation, state = excluded.state, lease_until = excluded.lease_until, renewals = 0, entered = 0
        WHERE nodes.lease_until <= {now} OR nodes.incarnation = excluded.incarnation
        """,
        ("@id", self.Id.Value),
        ("@incarnation", self.Incarnation),
        ("@ttl", (long)ttl.TotalMilliseconds)) == 1;

    /// <summary>False when the lease is another's by now.</summary>
    public bool Renew(SqlSession session, NodeIdentity self, TimeSpan ttl) => session.Execute(
        $"""
        UPDATE nodes SET lease_until = {now} + @ttl, renewals = renewals + 1
        WHERE id = @id AND incarnation = @incarnation
        """,
        ("@ttl", (long)ttl.TotalMilliseconds),
        ("@id", self.Id.Value),
        ("@incarnation", self.Incarnation)) == 1;

    /// <summary>Renews the lease too: who reads this row next must not take the node for dead. False when the lease is another's by now.</summary>
    public bool Enter(
        SqlSession session, NodeIdentity self, TimeSpan ttl, string address, string url, ImmutableArray<string> addresses) =>
        session.Execute(
            $"""
            UPDATE nodes SET address = @address, url = @url, addresses = @addresses, state = 'up', lease_until = {now} + @ttl
            WHERE id = @id AND incarnation = @incarnation
            """,
            ("@ttl", (long)ttl.TotalMilliseconds),
            ("@address", address),
            ("@url", url),
            ("@addresses", string.Join(',', addresses)),
            ("@id", self.Id.Value),
            ("@incarnation", self.Incarnation)) == 1;

    /// <summary>The others have let it in. False when the lease is another's by now.</summary>
    public bool Joined(SqlSession session, NodeIdentity self) => session.Execute(
        "UPDATE nodes SET entered = (SELECT MAX(entered) + 1 FROM nodes) WHERE id = @id AND incarnation = @incarnation",
        ("@id", self.Id.Value),
        ("@incarnation", self.Incarnation)) == 1;

    /// <summary>
    /// A node whose lease has expired loses it for good: its process may be stopped and wake again, and must not go on. False
    /// when the lease is held; until this transaction ends nobody can renew it.
    /// </summary>
    public bool Replace(SqlSession session, StorageNodeId dead) => session.Execute(
        $"UPDATE nodes SET state = 'replaced', incarnation = '', lease_until = 0 WHERE id = @id AND lease_until <= {now}",
        ("@id", dead.Value)) == 1;

    /// <summary>
    /// Takes the lease from one process if it has expired. True when that process has no lease and never gets one again, whoever
    /// took it; false when it holds it, or when its row is in use: nobody waits for that, because the own renewals would wait too.
    /// </summary>
    public bool PutOut(SqlSession session, StorageNodeId node, string incarnation)
    {
        session.Execute(
            $"""
            UPDATE nodes SET state = 'replaced', incarnation = '', lease_until = 0
            WHERE id IN (SELECT id FROM nodes WHERE id = @id AND incarnation = @incarnation AND lease_until <= {now} FOR UPDATE SKIP LOCKED)
            """,
            ("@id", node.Value),
            ("@incarnation", incarnation));
        return session.Query(
            "SELECT 1 FROM nodes WHERE id = @id AND incarnation = @incarnation",
            row => row.GetInt32(0),
            ("@id", node.Value),
            ("@incarnation", incarnation)).Count == 0;
    }

    public void Leave(SqlSession session, NodeIdentity self) => session.Execute(
        "UPDATE nodes SET state = 'left', lease_until = 0 WHERE id = @id AND incarnation = @incarnation",
        ("@id", self.Id.Value),
        ("@incarnation", self.Incarnation));

    /// <summary>One node at a time from here to the end of the transaction.</summary>
    public void LockEntry(SqlSession session) => session.Execute("UPDATE cluster_facts SET value = '' WHERE name = 'entry'");

    /// <summary>Stores a fact of the cluster that is not there yet; answers what is there.</summary>
    public string Fact(SqlSession session, string name, string value)
    {
        session.Execute(
            "INSERT INTO cluster_facts (name, value) VALUES (@name, @value) ON CONFLICT DO NOTHING", ("@name", name), ("@value", value));
        return session.Query("SELECT value FROM cluster_facts WHERE name = @name", row => row.GetString(0), ("@name", name))[0];
    }

    public void NoteRefusal(SqlSession session, string node, string address, string reason)
    {
        session.Execute($"DELETE FROM refused_nodes WHERE at < {now} - 3600000");
        // one that tries again and again is told of once a minute
        session.Execute(
            $"""
            INSERT INTO refused_nodes (at, node, address, reason) SELECT {now}, @node, @address, @reason
            WHERE NOT EXISTS (SELECT 1 FROM refused_nodes WHERE node = @node AND reason = @reason AND at > {now} - 60000)
            """,
            ("@node", node),
            ("@address", address),
            ("@reason", reason));
    }

    public List<RefusedNode> RefusedSince(SqlSession session, long at) => session.Query(
        "SELECT at, node, address, reason FROM refused_nodes WHERE at > @at ORDER BY at",
        row => new RefusedNode(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3)),
        ("@at", at));

    public long Now(SqlSession session) => session.Query($"SELECT {now}", row => row.GetInt64(0))[0];

    private static NodeRecord Read(DbDataReader row) => new(
        new StorageNodeId(row.GetString(0)),
        row.GetString(1),
        row.GetString(2),
        [.. row.GetString(3).Split(',', StringSplitOptions.RemoveEmptyEntries)],
        row.GetString(4),
        row.GetString(5) switch
        {
            "up" => NodeState.Up,
            "left" => NodeState.Left,
            "replaced" => NodeState.Replaced,
            _ => NodeState.Starting,
        },
        TimeSpan.FromMilliseconds(row.GetInt64(6)),
        row.GetInt64(7),
        row.GetInt64(8));
}

/// <param name="At">The database's clock.</param>
internal sealed record RefusedNode(long At, string Node, string Address, string Reason);
