using System.Data.Common;

namespace Dotmesh.Actors.Database;

/// <summary>What a job may do inside its transaction, on the writer's thread.</summary>
public sealed class SqlSession(DbConnection connection, DbTransaction? transaction)
{
    /// <summary>Rows that the job wrote and that other nodes keep in memory.</summary>
    internal List<RowChange> Changes { get; } = [];

    /// <summary>To be called with each write of a row that is cached.</summary>
    public void Wrote(string table, string id) => Changes.Add(new RowChange(table, id));

    /// <summary>Answers the number of rows changed.</summary>
    public int Execute(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = Command(sql, parameters);
        return command.ExecuteNonQuery();
    }

    public List<T> Query<T>(string sql, Func<DbDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = Command(sql, parameters);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    private DbCommand Command(string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
