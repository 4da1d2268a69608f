namespace Dotmesh.Actors.Database;

/// <summary>
/// The database cannot do its work; the text says why and what to do about it. Thrown where no caller's input is to blame:
/// opening, and writing to a disk that is full, gone or damaged.
/// </summary>
public sealed class DatabaseException(string message, Exception? inner = null) : Exception(message, inner);
