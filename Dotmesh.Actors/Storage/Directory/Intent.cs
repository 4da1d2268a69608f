using System.Text.Json;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// What an operation of several steps is about to do, written before its first step and removed after its last. After a
/// crash <see cref="Recovery"/> carries out the rest or removes what was begun.
/// </summary>
/// <param name="Operation">One of the constants.</param>
/// <param name="Commit">Rollback, stash: the commit to go back to.</param>
/// <param name="Stash">Stash: the id under which the rest lives on.</param>
/// <param name="StashLabels">Stash: its labels.</param>
internal sealed record Intent(
    string Operation, string? Commit = null, string? Stash = null, LabelsInfo? StashLabels = null)
{
    internal const string Commits = "commit";
    internal const string Rollback = "rollback";
    internal const string Stashes = "stash";
    internal const string Receive = "receive";

    internal static Intent? TryRead(string path)
    {
        var bytes = PoolFiles.TryRead(path);
        try
        {
            return bytes is null ? null : JsonSerializer.Deserialize(bytes, DirectoryJson.Default.Intent);
        }
        catch (JsonException)
        {
            // torn: it was not flushed, so the operation's first step was not taken either
            return null;
        }
    }

    /// <summary>A commit's intent only spares Recover a search for leftovers, so it needs no flush.</summary>
    internal void Write(string path) => PoolFiles.Replace(
        path, JsonSerializer.SerializeToUtf8Bytes(this, DirectoryJson.Default.Intent), durable: Operation != Commits);
}
