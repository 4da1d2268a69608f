using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Dotmesh.Actors.Database;

/// <summary>
/// One SQLite file for the tables and one beside it for the journal: write-ahead log, synchronous FULL (what was answered
/// survives a power cut), mode 0600. Two files because each takes one writer at a time: in one file the journal's writer,
/// whose driver sleeps 150 ms when it finds the file busy, had a p90 of 156 ms while the tables were written.
/// A lock file keeps a second node away: two nodes on one data folder would fight over one pool.
/// </summary>
public sealed class SqliteDialect(string path) : SqlDialect
{
    private const int BusyTimeoutSeconds = 30;

    private FileStream? _lock;

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    public override string Description => $"SQLite {Path}";

    /// <summary><c>dotmesh.db</c> -> <c>dotmesh.journal.db</c>.</summary>
    public string JournalPath => System.IO.Path.ChangeExtension(Path, ".journal" + System.IO.Path.GetExtension(Path));

    public override bool IsShared => false;

    public override string NowMillis => "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

    public override JournalSettings Journal => JournalSettings.Sqlite(Options(JournalPath, pooling: true), failure => Explain(JournalPath, failure));

    public override DbConnection Connect()
    {
        System.IO.Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        TakeLock();

        // the log mode is kept in the file: the journal's own connections find it set
        OpenFile(JournalPath).Dispose();
        return OpenFile(Path);
    }

    public override DatabaseException Explain(Exception failure) => Explain(Path, failure);

    private static DatabaseException Explain(string file, Exception failure)
    {
        if (failure is DatabaseException already)
        {
            return already;
        }

        var advice = failure is SqliteException sqlite ? Advice(sqlite.SqliteErrorCode) : FileAdvice(failure);
        return new DatabaseException($"The database {file} {advice} ({failure.Message})", failure);
    }

    public override void Dispose()
    {
        _lock?.Dispose();
        _lock = null;
    }

    // codes of https://www.sqlite.org/rescode.html
    private static string Advice(int code) => code switch
    {
        5 or 6 => "is locked by another process: stop whatever else has the file open, then start again.",
        8 or 3 or 23 => "cannot be written: give this user the right to write the file and its folder.",
        10 => "cannot be read or written because of an I/O error: check the disk and the system log.",
        13 => "cannot grow because the disk is full: free space on it, nothing stored is lost.",
        14 => "cannot be opened: check that its folder exists and that this user may write there.",
        11 or 26 => "is damaged or is not a database: stop the node, move the file away (with its -wal and -shm) and restore a "
            + "copy, or start without it: dots, branches and commits are then rebuilt from the pool.",
        _ => $"failed with SQLite error {code}.",
    };

    private static string FileAdvice(Exception failure) => failure switch
    {
        UnauthorizedAccessException => "cannot be opened: give this user the right to write the file and its folder.",
        IOException => "cannot be opened: check that its folder exists and that this user may write there.",
        _ => "failed.",
    };

    private static string Options(string file, bool pooling) => new SqliteConnectionStringBuilder
    {
        DataSource = file,
        Mode = SqliteOpenMode.ReadWriteCreate,
        Pooling = pooling,
        DefaultTimeout = BusyTimeoutSeconds,
    }.ToString();

    private static SqliteConnection OpenFile(string file)
    {
        if (!File.Exists(file))
        {
            // made here and not by SQLite, for its mode; SQLite gives the -wal and -shm files the same one
            using var made = new FileStream(file, OwnerOnly(FileMode.OpenOrCreate, FileShare.ReadWrite));
        }

        var connection = new SqliteConnection(Options(file, pooling: false));
        try
        {
            connection.Open();
            if (!string.Equals(Pragma(connection, "journal_mode=WAL"), "wal", StringComparison.OrdinalIgnoreCase))
            {
                throw new DatabaseException(
                    $"The database {file} cannot use a write-ahead log: its file system lacks shared memory or locks. "
                    + "Put the data folder on a local disk (option Database:Path).");
            }

            Pragma(connection, "synchronous=FULL");
            Pragma(connection, $"busy_timeout={BusyTimeoutSeconds * 1000}");
            return connection;
        }
        catch (SqliteException failure)
        {
            connection.Dispose();
            throw Explain(file, failure);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void TakeLock()
    {
        var file = Path + ".lock";
        try
        {
            _lock = new FileStream(file, OwnerOnly(FileMode.OpenOrCreate, FileShare.None));
        }
        catch (IOException taken) when (File.Exists(file))
        {
            throw new DatabaseException(
                $"The database {Path} is in use by another node process: stop that one first, or give this one a data "
                + "folder of its own (option Node:DataFolder).",
                taken);
        }
    }

    private static FileStreamOptions OwnerOnly(FileMode mode, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = share };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    private static string? Pragma(SqliteConnection connection, string setting)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"PRAGMA {setting}";
        return command.ExecuteScalar() as string;
    }
}
